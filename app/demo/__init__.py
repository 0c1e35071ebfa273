"""A small real production to break, and the people who look after it, for somebody who tries the console.

I lean on the domain packages like any other door. Decision: nothing in it is faked; the shop is a process with a git
repository and traffic, so that what the demo shows is what the product does.
"""
