"""The audit log: who did what, in a chain of hashes that shows every later change.

I own `audit_entries` and the chain's head; everybody above writes through `actions.record`. I lean on core.
Decision: one global chain whose head row is locked in the writer's own transaction. It serialises audited writes, which
was measured at several hundred a second: far more than people click. A cut tail shows only against a head kept elsewhere.
What many people do at once is recorded by `actions.record_at_commit`: the database links such an entry within the commit itself, so
that no page is drawn and no round trip made while the head is held (bench/ticks.py: 99 ms at the 95th percentile instead of 1063).
"""
