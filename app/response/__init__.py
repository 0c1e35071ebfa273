"""Verbs that touch several packages, one file each: declare, roll back, verify.

I own no rows; I lean on every domain package below. Decision: what a page, the API and the CLI all do is written here
once, so that no door has a rule of its own.
"""
