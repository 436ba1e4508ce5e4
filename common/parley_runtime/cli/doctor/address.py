"""Where a URL points, without what it knows."""

from urllib.parse import urlsplit


def shown(url: str) -> str:
    """Scheme, hosts and path of a URL: no user, no password, no query."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
