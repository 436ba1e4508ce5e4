"""Tokens that are not honoured any more although they have not expired: by reader, by when they were issued, by key.

The registry record carries the first two; a key stops signing by being retired or removed.
"""

from msgspec.structs import replace

from parley.claims import Claims
from parley.tenants import Revocation, Tenant

#: Readers that one tenant can have revoked at the same time: about 60 kB of a record that every gateway holds and
#: reads again at each change. Beyond it `revoke_reader` refuses; whoever has that many revokes all tokens instead.
MOST_READERS = 1_000


class TooManyRevoked(ValueError):
    """The tenant has `MOST_READERS` revoked readers already."""


def revoke_reader(tenant: Tenant, reader: str, now: float, until: int) -> Tenant:
    """The record with every token of `reader` refused until `until` (seconds since the epoch, like `now`).

    Entries that are over are dropped. The version is the caller's. Raises `TooManyRevoked`.
    """
    kept = [entry for entry in tenant.revoked if entry.until > now and entry.sub != reader]
    if len(kept) >= MOST_READERS:
        raise TooManyRevoked
    return replace(tenant, revoked=[*kept, Revocation(reader, until)])


def restore_reader(tenant: Tenant, reader: str) -> Tenant:
    """The record with tokens of `reader` honoured again: those that were open stay closed, they just may come back.

    Raises `LookupError` when they were not refused.
    """
    kept = [entry for entry in tenant.revoked if entry.sub != reader]
    if len(kept) == len(tenant.revoked):
        raise LookupError
    return replace(tenant, revoked=kept)


def revoke_issued_before(tenant: Tenant, moment: int) -> Tenant:
    """The record with every token refused that was issued before `moment`, seconds. It never goes back."""
    return replace(tenant, not_before=max(tenant.not_before, moment))


class Revoked:
    """What one record refuses at one moment (`now`: seconds), made ready to be asked about many tokens."""

    def __init__(self, tenant: Tenant, now: float) -> None:
        self._kids = {key.kid for key in tenant.keys if key.active}
        self._readers = {entry.sub for entry in tenant.revoked if entry.until > now}
        self._not_before = tenant.not_before

    def why(self, claims: Claims) -> str | None:
        """Why these claims, verified once, do not hold any more; None when they do."""
        if claims.kid not in self._kids:
            return "its key was retired"
        if claims.issued_at < self._not_before:
            return "all tokens issued before a later moment were revoked"
        return "its `sub` was revoked" if claims.reader in self._readers else None
