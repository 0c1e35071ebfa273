"""What would make sense in another product: settings, database, processes, clock, sealing, the doorbell.

I lean on nothing of this product. Decision: the domain is plain synchronous Python over a SQLAlchemy session, so
everything here is synchronous too; only the web door's live stream is not.
"""
