"""Rows of a decision."""
