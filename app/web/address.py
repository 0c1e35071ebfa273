"""Where a request comes from, for sign-in delays and the list of sign-ins."""

from fastapi import Request


def address(request: Request) -> str:
    """The client's address. Behind a proxy uvicorn puts the forwarded one here, and only from proxies that it was told to trust."""
    return request.client.host if request.client else ""


def agent(request: Request) -> str:
    return request.headers.get("user-agent", "")
