"""JSON for scripts, under /api/v1: the same verbs over the same actions as the pages.

I lean on the guard and on the domain. Decision: shapes are written out in `shapes`, never the rows themselves, so that a
column can change without breaking a script; a POST is carried out once for each Idempotency-Key. A token never approves,
settles, breaks glass or administers.
"""
