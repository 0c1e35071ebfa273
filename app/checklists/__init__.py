"""What people tick: templates, running copies, and items that tick because something is so.

I own templates and their versions, checklists, items, marks and notes; I lean on decisions, verification, runs and incidents, and
floors above tell me what happened there (`binding.happened`).
Decision: a tick holds the row of its item and nothing else that others wait for. So it writes no line of its own into the timeline
(that would hold the incident's row): every change is a row in `checklist_marks` and in the audit log, and a sweep tells the marks
of one person on one list in one line, which also keeps the timeline readable. Skips and overrules, which are rare and matter, have
a line each at once.
"""
