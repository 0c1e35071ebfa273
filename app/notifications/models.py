"""Rows of notices and their deliveries."""
