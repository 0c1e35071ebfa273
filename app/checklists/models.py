"""Rows of checklists."""
