"""Voices: one way to send a message to one address."""
