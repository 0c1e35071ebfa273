"""The templates that Lastgood ships: migration 0005 inserts them as version 1. A change of these words is a new migration.

Texts for people outside use no field that could carry internals: no timeline, no people, no link into the console.
"""

from typing import NamedTuple


class Shipped(NamedTuple):
    kind: str
    audience: str
    severity: str
    subject: str
    body: str


_ALERT = """\
Status: {{ status }}
Severity: {{ severity }}
Services: {{ services }}
Impact: {{ impact }}
Action: {{ action }}
ETA: {{ eta }}
Next update: {{ next_update }}; {{ cadence }}

What happened so far (UTC):
{{ timeline }}

Commander: {{ commander }}
{{ link }}"""

_CRITICAL_ALERT = (
    """\
This is critical. Drop what you can and read on.

"""
    + _ALERT
)

_OUTSIDE_ALERT = """\
We know of a problem with {{ services }} and are working on it.

What you may notice: {{ impact }}
What we are doing: {{ action }}
When we expect it to work again: {{ eta }}

We will write again {{ next_update }}."""

_UPDATE = """\
Status: {{ status }}, {{ duration }} after it began
Impact: {{ impact }}
Recovery: {{ recovery }}
Result: {{ verdict }}
Action: {{ action }}
ETA: {{ eta }}
Next update: {{ next_update }}

Latest (UTC):
{{ timeline }}

{{ link }}"""

_OUTSIDE_UPDATE = """\
We are still working on the problem with {{ services }}.

What you may notice: {{ impact }}
What we are doing: {{ action }}
When we expect it to work again: {{ eta }}

We will write again {{ next_update }}."""

_RESOLUTION = """\
Status: {{ status }}
Resolution: {{ resolution }}
Duration: {{ duration }}, from {{ began }}
Impact: {{ impact }}
Result: {{ verdict }}
Next steps: {{ next_steps }}

We are sorry for the disturbance, and thank everybody who helped.
{{ link }}"""

_OUTSIDE_RESOLUTION = """\
The problem with {{ services }} is over.

What it was: {{ impact }}
How it was solved: {{ resolution }}
How long it took: {{ duration }}
What comes next: {{ next_steps }}

We are sorry for the trouble that this caused you."""

_APOLOGY = """\
On {{ began }} {{ services }} did not work as you may expect of us, for {{ duration }}.

What happened: {{ impact }}
What we did: {{ resolution }}
What we change, so that it does not happen again: {{ next_steps }}

We are sorry. You rely on us, and we let you down."""

_SUMMARY = """\
{{ title }} ({{ incident }}, {{ severity }})

Status: {{ status }}
Began: {{ began }}, {{ duration }} in all
Who was affected: {{ affected }}
Impact: {{ impact }}
Decision and recovery: {{ recovery }}
Result: {{ verdict }}
Resolution: {{ resolution }}
Next steps: {{ next_steps }}

Commander: {{ commander }}
{{ link }}"""

_POST = """\
We are looking into a problem with {{ services }}.

{{ impact }}

We will write again {{ next_update }}."""

_POST_OVER = """\
This incident is over. {{ services }} works again.

It took {{ duration }}. {{ resolution }}"""

TEMPLATES = (
    Shipped("alert", "inside", "", "[{{ severity }}] {{ title }} ({{ incident }})", _ALERT),
    Shipped("alert", "inside", "critical", "[CRITICAL] {{ title }} ({{ incident }})", _CRITICAL_ALERT),
    Shipped("alert", "customers", "", "We are working on a problem with {{ services }}", _OUTSIDE_ALERT),
    Shipped("update", "inside", "", "Update: {{ title }} ({{ incident }})", _UPDATE),
    Shipped("update", "customers", "", "Update on the problem with {{ services }}", _OUTSIDE_UPDATE),
    Shipped("resolution", "inside", "", "Resolved: {{ title }} ({{ incident }})", _RESOLUTION),
    Shipped("resolution", "customers", "", "Solved: the problem with {{ services }}", _OUTSIDE_RESOLUTION),
    Shipped("apology", "customers", "", "We are sorry about {{ services }}", _APOLOGY),
    Shipped("summary", "executives", "", "Summary: {{ title }} ({{ incident }})", _SUMMARY),
    Shipped("post", "public", "", "Problem with {{ services }}", _POST),
    Shipped("resolution", "public", "", "Over: problem with {{ services }}", _POST_OVER),
)

CADENCE = {"critical": (5, 5), "high": (15, 15), "medium": (30, 60), "low": (60, 240)}
