"""Checks: four ways to tell that a service works (health, version, smoke, metric). They only read; a smoke test may use the service.

I lean on core, and on the Kubernetes reading for what pods really run. Decision: a check answers pass, fail or inconclusive
with the number that it saw, and "inconclusive" (no traffic, no data, no answer from the source) is never taken for a pass.
"""
