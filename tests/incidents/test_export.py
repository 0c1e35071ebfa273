import json

from app.incidents import export, timeline
from app.incidents.actions import move
from app.incidents.roles import COMMANDER, hand_over, take
from app.incidents.states import State
from tests.factories import make_incident, make_service
from tests.incidents.test_history import fill


def test_the_markdown_holds_facts_roles_and_every_line_oldest_first(db, ana, bo):
    incident = make_incident(db, make_service(db, "login"), by=ana, title="Log-in # fails", impact="Nobody\ngets in", affected_percent=30)
    take(db, incident, COMMANDER, by=ana)
    hand_over(db, incident, COMMANDER, to=bo.id, briefing="Watch the rate", by=ana)
    note = timeline.note(db, incident, body="Found it:\n\n- bad token", by=ana)
    timeline.edit(db, note, body="Found it:\n\n- bad *token*", by=ana)
    move(db, incident, State.RECOVERING, by=ana)
    text = "".join(export.markdown(db, incident))
    assert text.startswith(f"# {incident.ref} Log-in # fails\n")
    for part in ("- Services: login", "- Affected: 30 % of users", "- Impact: Nobody gets in", "(Watch the rate)", "  - bad *token*"):
        assert part in text
    assert "bad token\n" not in text
    assert text.index("declared the incident") < text.index("Found it") < text.index("to recovering")


def test_the_json_holds_every_version_and_can_be_read_again(db, ana):
    incident = make_incident(db, make_service(db, "login"), by=ana)
    first = timeline.note(db, incident, body="Two", by=ana)
    timeline.edit(db, first, body="Three", by=ana)
    whole = json.loads("".join(export.as_json(db, incident)))
    assert whole["incident"]["services"] == ["login"]
    assert [(line["body"], line["replaces"]) for line in whole["timeline"]][1:] == [("Two", None), ("Three", first.id)]
    assert whole["phases"][0]["state"] == "detected"


def test_ten_thousand_lines_are_written_piece_by_piece(db, ana, incident):
    fill(db, incident, 10_000)
    pieces = export.as_json(db, incident)
    next(pieces)
    assert sum(1 for _ in pieces) == 10_002
    assert len(db.identity_map) < 2_000
