"""The door for Celery: tasks that take an id, the sweep, and the processes that carry them.

I own no rows; I lean on response and the domain packages. Decision: Celery rings, PostgreSQL decides; each worker also looks
into PostgreSQL itself, so that a dead broker costs seconds and nothing else.
"""
