"""Roll back or fix forward: the facts, the rules that they fire, and what people decided."""
