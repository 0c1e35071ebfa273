"""Figures over many incidents: how fast, how often, what is overdue."""
