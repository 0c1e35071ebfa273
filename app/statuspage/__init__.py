"""What the public may see, as files that stay up when everything else is down."""
