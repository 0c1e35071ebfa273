"""Proof: the checks watched over a window after a run (or by hand), and the verdict with the numbers that led to it.

I own verifications, their checks and samples; I lean on runs, incidents, catalog, accounts, audit, executors and core.
Decision: a verification is a row that is advanced in short rounds, each leased like a run's, so that a soak of minutes
holds no slot, outlives any worker, and never delays a rollback.
"""
