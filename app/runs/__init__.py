"""Plans and runs: what would be done, resolved and pinned; and the engine that does it and knows what is true.

I own plans, runs, steps, locks, output and approvals; I lean on incidents, catalog, accounts, audit, executors and core.
Decision: PostgreSQL is the truth and Celery a doorbell. A worker claims a run with a lease and a fence, writes its intent
before each effect, and whoever takes over looks at the world before it decides. "Unknown" is a state, not a failure.
"""
