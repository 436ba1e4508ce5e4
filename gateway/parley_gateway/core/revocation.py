"""Which open connections a change of their tenant's record ends, and with which words."""

from typing import NamedTuple

from parley.claims import Claims
from parley.errors import CloseCode, Refusal
from parley.revocation import Revoked
from parley.tenants import Key, Tenant


class Ending(NamedTuple):
    """How a connection ends."""

    code: CloseCode
    refusal: Refusal


class Endings:
    """Decides for each connection of one tenant at one change. `now`: seconds since the epoch."""

    def __init__(self, old: Tenant | None, new: Tenant, now: float) -> None:
        self._deleted = new.state == "deleted"
        self._revoked = Revoked(new, now)
        held, holding = ({} if old is None else _active(old)), _active(new)
        #: Other material under the same `kid` is another key.
        self._replaced = {kid for kid, key in held.items() if kid in holding and not _same(key, holding[kid])}
        #: False when nothing changed that could end anybody: most changes are of quotas and limits.
        self.any = old is None or self._deleted or _deciding(old) != _deciding(new)

    def of(self, claims: Claims) -> Ending | None:
        """How the connection that these claims let in ends; None when it stays."""
        if self._deleted:
            return Ending(CloseCode.NOT_ALLOWED, Refusal("suspended", "This tenant does not exist any more."))
        why = "its key was replaced" if claims.kid in self._replaced else self._revoked.why(claims)
        return None if why is None else Ending(CloseCode.TOKEN, revoked(why))


def revoked(why: str) -> Refusal:
    """What somebody is told whose token held when it came, and does not any more."""
    return Refusal("token-invalid", f"The token is not valid any more: {why}.")


def _active(tenant: Tenant) -> dict[str, Key]:
    return {key.kid: key for key in tenant.keys if key.active}


def _same(one: Key, other: Key) -> bool:
    return (one.algorithm, one.material) == (other.algorithm, other.material)


def _deciding(tenant: Tenant) -> tuple[object, ...]:
    return tenant.keys, tenant.revoked, tenant.not_before, tenant.state == "deleted"
