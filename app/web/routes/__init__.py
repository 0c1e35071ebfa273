"""One file a noun; each has `router`, and each route declares its permission by `may(...)`."""

from urllib.parse import urlsplit


def inside(address: str) -> str:
    """An address to go to, cut down to a path of this console: a link from elsewhere must not lead people away."""
    parts = urlsplit(address.replace("\\", "/"))
    path = "/" + parts.path.lstrip("/")
    return f"{path}?{parts.query}" if parts.query else path
