"""Rows of a review."""
