"""What needs no database: lanes, figures, privacy, durations, measures, paper."""

from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace

import pytest

from app.core.errors import Refused
from app.incidents.models import Incident, Phase
from app.reviews import durations, lane_chart, lanes, paper, pdf, privacy, sections
from app.reviews.lanes import Mark
from app.reviews.paper import Paper, Part
from app.reviews.sections import HEADINGS

LANES = """2026-03-12 14:15:08 broke v1.2.4 went out
2026-03-12 14:17:10 to 14:37:14 broke it fails
2026-03-12 23:50 to 2026-03-13 00:10 done login is verified: recovered
2026-03-12 14:34:02 done: decided to <b>roll back</b>"""


def test_lanes_are_read_in_order_and_written_as_they_were_read():
    marks = lanes.read(LANES)
    assert [mark.words for mark in marks][:3] == ["v1.2.4 went out", "it fails", "decided to <b>roll back</b>"]
    assert marks[3].until == datetime(2026, 3, 13, 0, 10, tzinfo=UTC)
    assert lanes.read(lanes.write(marks)) == marks
    assert lanes.read("") == []


@pytest.mark.parametrize(
    "line", ["at noon it broke", "2026-03-12 25:00 broke x", "2026-02-30 10:00 done x", "2026-03-12 10:00 aside x", "2026-03-12 10:00 done"]
)
def test_a_line_that_is_no_mark_is_named(line):
    with pytest.raises(Refused, match=r"Line 2, .*Nothing was saved"):
        lanes.read(f"2026-03-12 10:00 done x\n{line}")


def test_a_stretch_does_not_end_before_it_begins():
    with pytest.raises(Refused, match="ends before it begins"):
        lanes.read("2026-03-12 14:00 to 13:00 broke x")


def test_the_picture_names_every_mark_and_lets_no_markup_through():
    picture = str(lane_chart.draw(lanes.read(LANES)))
    assert picture.count("<circle") == 4
    assert "<b>" not in picture
    assert "What broke: 14:15 v1.2.4 went out, 14:17 it fails" in picture
    assert "style=" not in picture
    assert lane_chart.draw([]) == ""
    assert "<circle" in lane_chart.draw([Mark(datetime(2026, 3, 12, tzinfo=UTC), "broke", "x" * 90)])
    many = [Mark(datetime(2026, 3, 12, 14, 0, place % 60, tzinfo=UTC), "done", f"mark {place}") for place in range(120)]
    assert lane_chart.draw(many).count("<circle") == 120


def test_figures_have_a_name_and_a_value():
    assert sections.figures("Users: 30 %\n\nOrders: about 210: half of them paid") == [
        ("Users", "30 %"),
        ("Orders", "about 210: half of them paid"),
    ]
    with pytest.raises(Refused, match="Line 1, “many users”, is no figure"):
        sections.figures("many users")


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("mei@example.org", "email"),
        ("10.2.3.4", "address"),
        ("192.168.1.17", "address"),
        ("172.20.0.9", "address"),
        ("fd00::1a2b", "address"),
        ("login-6c9f7d-4xk2p", "host"),
        ("db1.prod.internal", "host"),
        ("login.shop.svc.cluster.local", "host"),
        ("localhost", "host"),
        ("lab-1", "host"),
        ("ghp_16C7e42F292c6912E7710c838347Ae178B4a", "token"),
        ("AKIAIOSFODNN7EXAMPLE", "token"),
        ("password=hunter22", "token"),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl", "token"),
        ("+1 555 0134 22", "phone"),
        ("Mei Tan", "person"),
        ("Tan", "person"),
    ],
)
def test_what_may_be_private_is_found_by_its_words(words, kind):
    (found,) = privacy.find(f"We saw {words}.\nNothing else.", people=["Mei Tan"], hosts=["lab-1"])
    assert (found.words, found.kind) == (words, kind)
    assert found.line == f"We saw {words}."


def test_what_everybody_may_read_is_not_found():
    text = (
        "Version 1.2.4 of login went out on 12 March 2026 at 14:15:08 UTC. 30 % of users, about 11,640 sign-ins, failed for 20 min.\n"
        "- 14:15 UTC: v1.2.4 went out\n- commit a41f9c2 accepted v2 tokens only; 8.8.8.8 answered, see https://status.example.org/history"
    )
    assert privacy.find(text, people=["Mei Tan"], hosts=["lab-1"]) == []


def test_a_finding_is_told_once_and_by_its_longest_words():
    found = privacy.find("Mei Tan called Mei Tan. Mei wrote to mei@example.org.", people=["Mei Tan"])
    assert [one.words for one in found] == ["Mei Tan", "Mei", "mei@example.org"]


def at(minutes):
    return datetime(2026, 3, 12, 14, 0, tzinfo=UTC) + timedelta(minutes=minutes)


def incident(**facts):
    return Incident(id=42, title="Login fails", state="resolved", declared_at=at(5), began_at=at(0), resolved_at=at(25), **facts)


def test_durations_come_from_the_record():
    phases = [Phase(state="detected", began_at=at(5)), Phase(state="recovering", began_at=at(18)), Phase(state="resolved", began_at=at(25))]
    run = SimpleNamespace(state="succeeded", ended_at=at(21))
    found = {one.name: one for one in durations.of(incident(), phases=phases, runs=[run])}
    assert {name: one.seconds for name, one in found.items()} == {"detect": 300, "decide": 780, "mitigate": 960, "resolve": 1500}
    said = durations.sentence(list(found.values()))
    assert said.startswith("25\u00a0min to resolve, 5\u00a0min to detect")
    earlier = durations.of(incident(), phases=phases, decided_at=at(12))
    assert earlier[1].seconds == 420


def test_a_duration_without_its_marks_says_why():
    unknown = durations.of(Incident(id=1, state="resolved", declared_at=at(5), resolved_at=at(25)), phases=[])
    assert [one.standing for one in unknown] == ["unknown", "unknown", "unknown", "recorded"]
    open_ = durations.of(Incident(id=1, state="assessed", declared_at=at(5)), phases=[])
    assert [one.standing for one in open_] == ["unknown", "pending", "pending", "pending"]
    wrong = durations.of(incident(), phases=[], decided_at=at(1))
    assert (wrong[1].standing, wrong[1].seconds) == ("invalid", None)


DOCUMENT = Paper(
    ref="INC-42",
    kind="Post-incident report",
    title="Login failed for 30\u00a0% of users",
    facts=[("Severity", "critical")],
    durations=[],
    figures=[("Users", "30\u00a0%")],
    marks=lanes.read(LANES),
    parts=[
        Part(
            HEADINGS["summary"],
            "Łódź and **Ñandú** saw `v1.2.4`.\n\n- one\n  - two\n\n1. first\n\n> quoted\n\n| a | b |\n|---|---|\n| 1 | 2 |",
        ),
        Part(
            HEADINGS["root_cause"],
            "```\nkubectl get pods\n```\n\n漢字 [a](https://example.org) [b](javascript:x)\n\n---\n" + "Long. " * 900,
        ),
        Part(HEADINGS["q_why"], "Because."),
    ],
    items=[SimpleNamespace(title="A | smoke check", kind="test", owner=None, due_on=date(2026, 3, 19), state="open")],
    standing="Version 7, a draft, not signed.",
)


def test_a_document_in_markdown_keeps_its_tables_whole():
    text = "".join(paper.markdown(DOCUMENT))
    assert text.index("## Summary") < text.index("## Timeline") < text.index("## Root cause") < text.index("## Five questions")
    assert "| 14:17:10 to 14:37:14 | it fails |  |" in text
    assert "| A \\| smoke check | test | nobody yet | 19 Mar 2026 | Open |" in text


def test_a_document_in_pdf_has_pages_an_outline_and_says_which_letters_it_lacks():
    written = pdf.write(DOCUMENT)
    assert written.startswith(b"%PDF-")
    assert b"/Outlines" in written
    assert written.count(b"/Type /Page\n") > 1
    sheet_letters = "".join(DOCUMENT.parts[1].body)
    assert "漢" in sheet_letters
    assert b"javascript" not in written
