"""What programs read of a page: JSON, the Atom feed of updates, the calendar of planned work."""

import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit
from xml.etree.ElementTree import Element, SubElement, register_namespace, tostring

from icalendar import Calendar
from icalendar import Event as Entry

from app.statuspage import sayings
from app.statuspage.picture import Event, Picture, Planned, Told
from app.statuspage.states import Work

ATOM = "http://www.w3.org/2005/Atom"
NEWEST = 50
register_namespace("", ATOM)


def as_json(picture: Picture) -> bytes:
    """The page for programs. Times are ISO 8601 in UTC; `standing` is working, maintenance, degraded, partial or outage."""
    found = {
        "page": {"name": picture.name, "url": picture.address, "revision": picture.revision, "drawn_at": _iso(picture.at)},
        "status": {"standing": picture.standing, "headline": sayings.headline(picture), "sentence": sayings.sentence(picture)},
        "components": [
            {"id": part.ref, "name": part.name, "group": heading.name or None, "standing": part.standing, "words": part.words}
            | {"uptime_percent": None if part.bars.uptime is None else round(part.bars.uptime, 3)}
            | {"days": [{"date": day.date.isoformat(), "mark": day.mark, "words": day.words} for day in part.bars.days]}
            for heading in picture.headings
            for part in heading.parts
        ],
        "incidents": [_event(event) for event in picture.active],
        "past_incidents": [_event(event) for event in picture.past],
        "maintenance": [_work(work) for work in picture.work],
        "reviews": [
            {"id": one.ref, "title": one.title, "at": _iso(one.at), "url": f"{picture.address}review-{one.ref}.html"}
            for one in picture.reviews
        ],
    }
    return json.dumps(found, ensure_ascii=False, indent=1).encode()


def atom(picture: Picture) -> bytes:
    """Every update as an entry, the newest first."""
    feed = Element(f"{{{ATOM}}}feed")
    entries: list[tuple[Told, Event | Planned]] = [(told, event) for event in [*picture.active, *picture.past] for told in event.told]
    entries += [(told, work) for work in picture.calendar for told in work.told]
    entries.sort(key=lambda entry: entry[0].at, reverse=True)
    newest = max((told.corrected_at or told.at for told, _ in entries), default=picture.at)
    _add(feed, "title", picture.name)
    _add(feed, "id", picture.address)
    _add(feed, "updated", _iso(newest))
    SubElement(feed, f"{{{ATOM}}}link", href=picture.address)
    SubElement(feed, f"{{{ATOM}}}link", href=f"{picture.address}feed.atom", rel="self")
    _add(SubElement(feed, f"{{{ATOM}}}author"), "name", picture.name)
    for told, about in entries[:NEWEST]:
        entry = SubElement(feed, f"{{{ATOM}}}entry")
        where = f"{picture.address}incident-{about.ref}.html" if isinstance(about, Event) else f"{picture.address}#work-{about.ref}"
        _add(entry, "title", f"{told.words}: {about.title}")
        _add(entry, "id", f"tag:{urlsplit(picture.address).hostname},{about.ref}:{_iso(told.at)}")
        _add(entry, "updated", _iso(told.corrected_at or told.at))
        _add(entry, "published", _iso(told.at))
        SubElement(entry, f"{{{ATOM}}}link", href=where)
        _add(entry, "content", told.text).set("type", "text")
    text: bytes = tostring(feed, encoding="utf-8", xml_declaration=True)
    return text


def calendar(picture: Picture) -> bytes:
    """Planned work as iCalendar (RFC 5545): what moves keeps its UID and raises its sequence, so that calendars follow."""
    found = Calendar()
    found.add("prodid", "-//Lastgood//Status page//EN")
    found.add("version", "2.0")
    found.add("method", "PUBLISH")
    found.add("x-wr-calname", f"{picture.name}: planned work")
    host = urlsplit(picture.address).hostname
    for work in picture.calendar:
        entry = Entry()
        entry.add("uid", f"{work.ref}@{host}")
        entry.add("summary", work.title)
        entry.add("dtstart", _second(work.starts_at))
        entry.add("dtend", _second(work.ends_at))
        entry.add("dtstamp", _second(work.changed_at))
        entry.add("last-modified", _second(work.changed_at))
        entry.add("sequence", work.sequence)
        entry.add("status", "CANCELLED" if work.state == Work.CANCELLED else "CONFIRMED")
        entry.add("url", f"{picture.address}#work-{work.ref}")
        entry.add(
            "description", "\n\n".join([told.text for told in work.told] + ([f"Touches: {', '.join(work.parts)}"] if work.parts else []))
        )
        found.add_component(entry)
    return bytes(found.to_ical())


def _event(event: Event) -> dict[str, Any]:
    return {
        "id": event.ref,
        "title": event.title,
        "state": event.state,
        "began_at": _iso(event.began_at),
        "resolved_at": _maybe(event.resolved_at),
        "next_update_by": _maybe(event.next_update_at),
        "must_act": event.must_act,
        "components": list(event.parts),
        "updates": [_said(told) for told in event.told],
    }


def _work(work: Planned) -> dict[str, Any]:
    times = {"starts_at": _iso(work.starts_at), "ends_at": _iso(work.ends_at)}
    said = {"components": list(work.parts), "updates": [_said(told) for told in work.told]}
    return {"id": work.ref, "title": work.title, "state": work.state} | times | said


def _said(told: Told) -> dict[str, Any]:
    return {"state": told.state, "text": told.text, "at": _iso(told.at), "corrected_at": _maybe(told.corrected_at)}


def _add(parent: Element, name: str, text: str) -> Element:
    element = SubElement(parent, f"{{{ATOM}}}{name}")
    element.text = "".join(sign for sign in text if sign >= " " or sign in "\n\t")  # XML takes no other control characters
    return element


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _maybe(moment: datetime | None) -> str | None:
    return _iso(moment) if moment else None


def _second(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(microsecond=0)
