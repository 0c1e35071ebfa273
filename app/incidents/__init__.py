"""Incidents and their timeline, from detection to review.

I own incidents, their services, roles, phases and the append-only timeline; I lean on catalog, accounts, audit and core.
Decision: the state never gates help. It says how far people have come; a rollback starts from any of them.
"""
