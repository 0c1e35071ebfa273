"""The door for Celery: tasks that take an id, the hands that carry them, and the processes that hold these.

I own the rows of `workers`; I lean on response and the domain packages. Decision: Celery rings, PostgreSQL decides. One process
a queue, with Celery's consumer in a thread (pool "solo": a task only wakes a hand) and hands of our own as threads. Their work
waits for networks and child processes, so threads serve it; there is one import, one pool of connections and no fork among
the clients' sockets. A hand looks into PostgreSQL itself whenever no bell rings for a second, so a dead broker costs that
second and nothing else. A thread cannot be killed: every call has a time-out, and a step that hangs loses its deadline, not its run.
"""
