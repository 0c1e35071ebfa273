"""How routes load their objects, one file a noun: with the reader's own rights, as `guard.may` asks."""
