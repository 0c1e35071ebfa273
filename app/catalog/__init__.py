"""What the company runs and can recover: services, targets, checks, contacts, clusters, and every release seen on them.

I own those rows and the looks that web asks of the runner; I lean on accounts, audit, executors and core.
Decision: the console keeps its own sealed copy of every template that it has seen, by normalised digest, since clusters
forget (`revisionHistoryLimit: 0`) and revision numbers move. *Last good* is computed from those rows, never stored.
"""
