"""What every answer carries, and what a change from elsewhere gets."""

import re

import pytest

from app.accounts import sign_ins
from app.accounts.policy import Role
from app.core.database import transaction
from app.core.paths import STATIC, TEMPLATES
from app.web import cookies, render
from tests import factories


@pytest.fixture
def ana(client, sign_in):
    with transaction() as session:
        person = factories.make_person(session, "Ana Ruiz", Role.COMMANDER)
    return sign_in(client, person)


@pytest.mark.parametrize("address", ["/sign-in", "/nothing", "/livez", "/static/css/base.css", "/static/no", "/me", "/api/v1/nothing"])
def test_every_answer_carries_the_policy(client, address):
    headers = client.get(address).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert headers["strict-transport-security"]


def test_pages_are_not_kept_and_pinned_files_are_kept_for_ever(client):
    page = client.get("/sign-in")
    assert page.headers["cache-control"] == "no-store"
    for address in re.findall(r'(?:href|src)="(/static/[^"#]+)"', page.text):
        kept = client.get(address)
        assert kept.status_code == 200, address
        assert kept.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert client.get("/static/css/base.css").headers["cache-control"] == "no-cache"


def test_a_static_file_that_did_not_change_is_not_sent_again(client):
    tag = client.get("/static/css/base.css").headers["etag"]
    again = client.get("/static/css/base.css", headers={"If-None-Match": tag})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize(
    "name", ["../pyproject.toml", "%2e%2e/pyproject.toml", "..%2fpyproject.toml", "css", "vendor/../../app/cli/main.py"]
)
def test_no_path_leads_out_of_the_static_folder(client, name):
    assert client.get(f"/static/{name}").status_code == 404


def test_a_change_without_the_token_of_the_sign_in_is_refused(client, ana):
    del client.headers["X-CSRF"]
    answer = client.post("/me/name", data={"name": "Somebody"})
    assert answer.status_code == 403
    assert "Reload the page and try again" in answer.text
    assert client.post("/me/name", data={"name": "Somebody", "csrf_token": "guessed"}).status_code == 403


def test_the_token_may_come_in_a_field_or_in_a_header(client, ana):
    token = client.headers.pop("X-CSRF")
    assert client.post("/me/name", data={"name": "Ana R", "csrf_token": token}).status_code == 303
    assert client.post("/me/name", data={"name": "Ana S"}, headers={"X-CSRF": token}).status_code == 303
    assert client.post("/me/name", files={"name": (None, "Ana T"), "csrf_token": (None, token)}).status_code == 303


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://elsewhere.example"},
        {"Origin": "null"},
        {"Origin": "http://testserver"},
        {"Origin": "https://testserver", "Sec-Fetch-Site": "cross-site"},
        {"Origin": "https://testserver", "Sec-Fetch-Site": "same-site"},
        {"Origin": "http://127.0.0.1:9", "Host": "elsewhere.example"},
    ],
)
@pytest.mark.parametrize("address", ["/me/name", "/sign-in", "/theme"])
def test_a_change_from_another_origin_is_refused_even_with_the_token(client, ana, address, headers):
    answer = client.post(address, data={"name": "Somebody"}, headers=headers)
    assert answer.status_code == 403
    assert "did not come from a page of this console" in answer.text


def test_a_change_that_does_not_say_where_it_comes_from_is_refused(client):
    del client.headers["Origin"]
    assert client.post("/sign-in", data={"email": "a@b.example", "password": "x"}).status_code == 403
    same = client.post("/sign-in", data={"email": "a@b.example", "password": "x"}, headers={"Sec-Fetch-Site": "same-origin"})
    assert same.status_code == 422


def test_the_session_cookie_is_bound_to_this_host(client):
    with transaction() as session:
        ana = factories.make_person(session, "Ana Ruiz", Role.VIEWER)
        session.get_one(sign_ins.User, ana.id).password_hash = sign_ins.passwords.hashed("four words in a row")
    answer = client.post("/sign-in", data={"email": ana.email, "password": "four words in a row"})
    header = next(value for value in answer.headers.get_list("set-cookie") if value.startswith("__Host-lastgood="))
    assert {"HttpOnly", "Path=/", "SameSite=lax", "Secure"} <= set(header.split("; "))
    assert "domain" not in header.lower()
    assert cookies.SESSION == "__Host-lastgood"


def test_a_body_beyond_the_limit_is_not_read(client, ana):
    answer = client.post("/me/name", data={"name": "x" * 1_100_000})
    assert answer.status_code == 413
    assert "larger than this console takes" in answer.text


def test_names_are_shown_as_text(client, ana):
    client.post("/me/name", data={"name": "<script>alert(1)</script>"})
    text = client.get("/me").text
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert" in text


def test_every_template_escapes_whatever_its_name():
    assert render.environment().autoescape is True


LISTS = sorted(path for path in TEMPLATES.rglob("*.html"))
PAPERS = {"reviews/paper.html", "survival/paper.html"}  # files to keep, which carry their own style: no page of the console
DOORS = {"sessions/new.html", "setup/first.html", "setup/password.html"}  # nobody is signed in there
OUTSIDE = {  # for people without an account: what counts is the signed link, or that anybody may ask
    "paging/answer.html",
    "public/_subscribe.html",
    "statuspage/confirm.html",
    "statuspage/leave.html",
    "statuspage/subscribe.html",
}


@pytest.mark.parametrize("path", LISTS, ids=lambda path: str(path.relative_to(TEMPLATES)))
def test_no_template_needs_more_than_the_policy_allows(path):
    text = re.sub(r"{#.*?#}|{{.*?}}|{%.*?%}", "", path.read_text(), flags=re.DOTALL)
    if str(path.relative_to(TEMPLATES)) in PAPERS:
        text = re.sub(r"<style>.*?</style>", "", text, flags=re.DOTALL)
    assert not re.search(r"\sstyle=|<style|\son\w+=|javascript:|hx-on|[\"']js:|hx-vals=.js", text)
    assert not re.search(r"<script(?![^>]*\ssrc=)", text)
    assert not re.search(r'hx-trigger="[^"]*\[', text)
    assert not re.search(r"(?:src|href)=\"(?:https?:)?//", text)


@pytest.mark.parametrize("path", LISTS, ids=lambda path: str(path.relative_to(TEMPLATES)))
def test_every_form_that_changes_something_carries_the_token(path):
    if str(path.relative_to(TEMPLATES)) in DOORS | OUTSIDE:
        return
    for form in re.findall(r"<form\b[^>]*method=\"post\".*?</form>", path.read_text(), flags=re.DOTALL):
        assert "csrf_field()" in form or 'name="csrf_token"' in form, form[:120]


def test_icons_that_templates_name_are_in_the_sprite():
    sprite = (STATIC / "icons.svg").read_text()
    known = set(re.findall(r'<symbol id="([\w-]+)"', sprite))
    text = "\n".join(path.read_text() for path in LISTS)
    named = set(re.findall(r"icon\(\"([\w-]+)\"|icon='([\w-]+)'|icons\.svg'\) }}#([\w-]+)", text))
    assert {name for names in named for name in names if name} <= known


def test_no_icon_in_the_sprite_is_dead():
    named = "\n".join(path.read_text() for path in [*LISTS, *(STATIC / "js").glob("*.js"), *(STATIC.parent / "app").rglob("*.py")])
    known = re.findall(r'<symbol id="([\w-]+)"', (STATIC / "icons.svg").read_text())
    assert [name for name in known if not re.search(rf"[\"'#]{name}[\"']", named)] == []


def test_no_vendored_file_is_dead_and_each_has_its_licence():
    used = "\n".join(path.read_text() for path in [*LISTS, *(STATIC / "css").glob("*.css"), *(STATIC / "js").glob("*.js")])
    used += (STATIC / "icons.svg").read_text()
    for folder in (STATIC / "vendor").iterdir():
        files = [path for path in folder.iterdir() if path.name != "LICENSE"]
        assert (folder / "LICENSE").exists(), folder.name
        assert all(f"{folder.name}/{path.name}" in used for path in files), folder.name
        assert files or folder.name in used
        assert not any("sourceMappingURL" in path.read_text(errors="ignore") for path in files)
        assert not list(folder.glob("*.map"))


@pytest.mark.parametrize("path", sorted((STATIC / "js").glob("*.js")), ids=lambda path: path.name)
def test_scripts_are_small_and_loaded(path):
    assert len(path.read_text().splitlines()) <= 60
    assert f'"{path.stem}"' in (TEMPLATES / "layouts" / "app.html").read_text() or any(
        f"js/{path.name}" in template.read_text() for template in LISTS
    )
