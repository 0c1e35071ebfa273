"""Hands: what looks at and changes the world outside. They know no database session, no incident and no user.

I lean on core only. Decision: an action is four small methods over plain JSON (resolve, observe, apply, undo), so that the
engine can stop at any moment, look again and know what is true; see `base`.
"""
