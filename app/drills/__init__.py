"""Practice: scripts of facilitators, drills that follow them, how each went, and what was not practised for long.

Owns scripts with their versions, drills and the facts that are injected. Leans on everything that a real incident has, since a drill
is one: it is marked (`incidents.is_drill`), and no rule but that mark keeps it from the public, from on-call contacts and from figures.

Decision: starting a drill gives the signal and declares nothing. Noticing and declaring is the first thing that is practised, so the
drill waits for an incident of its service that is marked as a drill, and takes it. The script is copied at the start and followed by
the database's clock; a score is worked out from the record each time, as the durations of a review are, and never stored.
"""
