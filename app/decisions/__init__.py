"""Roll back or fix forward: the facts, the rules that they fire, and what people decided.

I own rule sets, facts that people state, assessments, decisions, objections and user reports; I lean on verification, runs,
incidents, catalog, accounts, audit and core.
Decision: a rule is data (fact, comparison, value) and unknown is a value of its own, so a rule holds, does not hold, or cannot be
told. Nothing here gates a rollback: it says what the rules say, and keeps what people decided and why.
"""
