"""The sentences at the top of a page: how it stands in one line, and what else is so."""

from app.statuspage.picture import Part, Picture
from app.statuspage.states import Standing

KINDS = {Standing.WORKING: "ok", Standing.MAINTENANCE: "work", Standing.DEGRADED: "warn", Standing.PARTIAL: "warn", Standing.OUTAGE: "bad"}


def kind(picture: Picture) -> str:
    """ok, work, warn or bad; an incident without a component that feels it is still a warning."""
    return "warn" if picture.active and KINDS[picture.standing] in {"ok", "work"} else KINDS[picture.standing]


def headline(picture: Picture) -> str:
    """What the worst of it is: the title of the only incident, or how many there are."""
    if len(picture.active) == 1:
        return picture.active[0].title
    if picture.active:
        return f"We are working on {len(picture.active)} disturbances"
    if picture.standing is Standing.MAINTENANCE:
        return "Planned work is going on"
    return "Everything works" if picture.standing is Standing.WORKING else "Something is limited"


def sentence(picture: Picture) -> str:
    """What is limited, part by part, and that the rest is not."""
    limited = [part for part in picture.parts if part.standing is not Standing.WORKING]
    if not picture.parts:
        return ""
    if not limited:
        return "Every service works normally." if picture.active else "No disturbance is known."
    said = ". ".join(_said(part) for part in limited[:6]) + "."
    more = f" And {len(limited) - 6} more." if len(limited) > 6 else ""
    rest = " Everything else works normally." if len(limited) < len(picture.parts) else ""
    return said + more + rest


def _said(part: Part) -> str:
    return f"{part.name}: {part.words[:1].lower()}{part.words[1:]}"
