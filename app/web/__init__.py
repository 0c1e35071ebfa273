"""The door for browsers and scripts: pages, the JSON API, the live stream.

I own no rows; I lean on response and the domain packages, never on worker, demo or cli. Decision: every route declares by
`may(...)` what it needs and how its object is loaded (see `guard`), and a test fails for one that does not.
"""
