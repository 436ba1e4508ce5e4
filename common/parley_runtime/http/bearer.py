"""The token of a request: in its header, and nowhere else."""

from aiohttp import hdrs, web

from parley.errors import NotAllowed

#: Query members that somebody may put a token into.
_TOKEN_NAMES = frozenset({"token", "access_token", "authorization", "bearer", "jwt"})


def bearer(request: web.Request) -> str | None:
    """The token, None without one. Raises `token-invalid` when the address carries one."""
    _refuse_token_in_address(request)
    scheme, _, token = request.headers.get(hdrs.AUTHORIZATION, "").partition(" ")
    return (token.strip() or None) if scheme.lower() == "bearer" else None


def _refuse_token_in_address(request: web.Request) -> None:
    """Addresses end up in logs and histories."""
    for name, value in request.query.items():
        if name.lower() in _TOKEN_NAMES or value.startswith("eyJ"):
            raise NotAllowed(
                "token-invalid",
                "A token must not stand in an address: addresses end up in logs.",
                help="Send it as `Authorization: Bearer …`, and take a new one: this one may be known now.",
            )
