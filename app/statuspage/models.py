"""Rows of status pages."""
