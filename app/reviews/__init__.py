"""What is learnt: the report, its sign-off and the action items."""
