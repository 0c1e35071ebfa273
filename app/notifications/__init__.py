"""Telling people: templates, notices, their deliveries, and when the next one is due."""
