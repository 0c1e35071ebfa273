"""The door for terminals: start the console, look after it, and do the main job when there is no browser.

I lean on everything below. Decision: a command calls the same verbs as the pages, so that it works with web and Redis dead.
"""
