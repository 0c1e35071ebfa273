"""Somebody at a browser, in sentences: `ana.presses("Declare incident")`, `ben.sees("Rollback")`. Nothing here sleeps."""

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, Locator, expect

from tests.running import until

WAIT_S = 15.0  # the machine of the tests may be slow; what has to be fast says so with `within`
WRITABLE = "textarea, input:not([type=radio], [type=checkbox])"
LIVE_S = 3.0  # half a second on a machine that has nothing else to do


class Visitor:
    """One person's browser on one console. What the browser complains of (errors of scripts, of loading, of the CSP) is kept."""

    def __init__(self, browser: Browser, url: str, **dress: object) -> None:
        self.url = url
        self.context = browser.new_context(**{"viewport": {"width": 1440, "height": 900}} | dress)
        self.context.set_default_timeout(WAIT_S * 1000)
        self.page = self.context.new_page()
        self.complaints: list[str] = []
        self._forgiven: list[str] = []
        self.page.on("console", lambda said: said.type == "error" and self._keep(f"{said.text} {said.location.get('url', '')}"))
        self.page.on("pageerror", lambda error: self._keep(str(error)))

    def _keep(self, complaint: str) -> None:
        if not any(re.search(pattern, complaint) for pattern in self._forgiven):
            self.complaints.append(complaint)

    @contextmanager
    def forgiving(self, *patterns: str) -> Iterator[None]:
        """While a refusal or a dead server is part of the story: the browser notes each as an error, and is right."""
        self._forgiven += patterns
        yield
        self.page.evaluate("0")  # what was said so far has been heard
        del self._forgiven[-len(patterns) :]

    # --- going -------------------------------------------------------------------------------------------------------------

    def opens(self, address: str) -> None:
        """Type an address: a path of the console, or a whole link."""
        self.page.goto(self.url + address if address.startswith("/") else address)

    def reloads(self) -> None:
        self.page.reload()

    def signs_in(self, email: str, password: str) -> None:
        self.opens("/sign-in")
        self.fills("E-mail address", email)
        self.fills("Password", password)
        self.presses("Sign in")
        self.sees("Command board")

    @property
    def at(self) -> str:
        """The path of the page."""
        return self.page.url.removeprefix(self.url)

    def lands_on(self, pattern: str, *, within: float = WAIT_S) -> str:
        """Wait for an address of this shape and return its path."""
        expect(self.page).to_have_url(re.compile(re.escape(self.url) + pattern + "$"), timeout=within * 1000)
        return self.at

    # --- acting ------------------------------------------------------------------------------------------------------------

    def button(self, name: str, *, exact: bool = False) -> Locator:
        """A button or a link that can be seen, by its words."""
        by_role = [self.page.get_by_role(role, name=name, exact=exact) for role in ("button", "link")]
        return by_role[0].or_(by_role[1]).first

    def presses(self, name: str, *, exact: bool = False) -> None:
        self.button(name, exact=exact).click()

    def unfolds(self, summary: str) -> None:
        self.page.locator("summary").filter(has_text=summary).first.click()

    def fills(self, label: str, text: str) -> None:
        self.page.get_by_label(label).and_(self.page.locator(WRITABLE)).first.fill(text)

    def chooses(self, label: str) -> None:
        """Tick a box, or take one of several."""
        self.page.get_by_label(label).first.check()

    def selects(self, label: str, words: str) -> None:
        self.page.get_by_label(label).first.select_option(label=words)

    def resolves(self, ref: str, because: str = "It works again, and the checks prove it") -> None:
        """End an incident; what its lists still ask for is shown, and overruled with a reason."""
        self.presses(f"Resolve {ref}")
        self.overrules(ref, because)

    def overrules(self, ref: str, because: str) -> None:
        """On the page that shows what is open: go on all the same."""
        self.sees("You can resolve it all the same")
        self.fills("Why it can be resolved all the same", because)
        self.presses(f"Resolve {ref}")

    # --- seeing ------------------------------------------------------------------------------------------------------------

    def sees(self, *texts: str | re.Pattern[str], within: float = WAIT_S) -> float:
        """Wait until each text can be seen somewhere on the page; returns how many seconds the last one took."""
        began = time.monotonic()
        for text in texts:
            expect(self.page.get_by_text(text).filter(visible=True).first).to_be_visible(timeout=within * 1000)
        return time.monotonic() - began

    def reloads_until(self, text: str, *, within: float = 60) -> None:
        """For somebody without JavaScript: press reload until it is there."""
        shown = self.page.get_by_text(text).filter(visible=True).first
        until(lambda: self.reloads() or shown.is_visible(), seconds=within, what=text)

    def sees_at_once(self, *texts: str | re.Pattern[str]) -> float:
        """Live: without a reload, within a moment."""
        return self.sees(*texts, within=LIVE_S)

    def sees_no(self, text: str | re.Pattern[str]) -> None:
        expect(self.page.get_by_text(text).filter(visible=True)).to_have_count(0)

    def is_offered(self, name: str, *, within: float = WAIT_S) -> None:
        expect(self.button(name)).to_be_visible(timeout=within * 1000)

    def is_live(self) -> None:
        """The page listens: what is told from now on is heard."""
        expect(self.page.locator("#live[data-state=live]")).to_be_attached()

    def reads(self) -> str:
        """The main part of the page as plain words."""
        return " ".join(self.page.locator("main").inner_text().replace("\u00a0", " ").split())

    @contextmanager
    def without_reloading(self) -> Iterator[None]:
        """Whatever is seen in this block came by itself: the page is still the same document at its end."""
        self.is_live()
        self.page.evaluate("window.sameDocument = true")
        yield
        assert self.page.evaluate("window.sameDocument"), "the page was loaded again"
