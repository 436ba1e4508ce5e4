"""What whoever shows a token is told about it."""

from parley.claims import Claims
from parley.server_frames import Reader, Welcome
from parley_gateway.shell.admission import Admission

#: Seconds before a token's end at which the client should renew it; at most half of what is left.
RENEW_AHEAD = 60.0


def renew_in(claims: Claims, now_ms: int) -> float:
    """Seconds until the client should send a fresh token."""
    left = claims.expires_at - now_ms / 1000
    return max(left - RENEW_AHEAD, left / 2, 0.0)


def welcome(admission: Admission, claims: Claims, now_ms: int) -> Welcome:
    """The answer to a valid token."""
    reader = Reader(claims.reader, claims.name, claims.role.value, claims.avatar)
    return Welcome(1, claims.tenant, reader, admission.told_limits(claims), round(renew_in(claims, now_ms) * 1000))
