"""Voices: one way to send a message to one address.

I own no rows and know no session, no domain and no user; I lean on core. Decision: three kinds. Mail goes through an SMTP server of
our own choice, so that we can tell "refused", "not yet" and "nobody knows"; webhooks are signed by us in the way of Standard Webhooks;
the breadth (Slack, Teams, Discord, Telegram, SMS, ntfy, PagerDuty, …) is Apprise's, behind the same check of addresses. A new kind is a
module with `CHANNEL` and one line in `registry.py`.
"""
