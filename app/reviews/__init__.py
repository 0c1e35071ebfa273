"""What is learnt: the report, its sign-off, what the public may read of it, and the action items.

I own reviews with their sections, versions, signatures and publications, and action items; I lean on everything that the record of an
incident is made of (incidents, decisions, runs, verifications, notices, checklists) and on the status page.
Decision: a review is made of sections, each a text with its own origin and version; even the lanes of the timeline and the figures of
the impact are texts in a plain form. So drafting, editing by two, merging, history and export are one mechanism, and a draft from the
record replaces drafts only, never what a person wrote.
"""
