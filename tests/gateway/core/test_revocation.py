"""Which connections a change of the tenant's record ends: each row is one change and one connection."""

from typing import Any

import msgspec
import pytest

from parley.claims import Claims
from parley.tenants import Key, Revocation, Tenant
from parley_gateway.core.revocation import Endings

NOW = 1_000_000
ONE, TWO = Key("1", "HS256", "material-1"), Key("2", "ES256", "material-2")
OLD = Tenant("acme", 1, [ONE, TWO])
RETIRED = msgspec.structs.replace(ONE, active=False)

Changes = dict[str, Any]

#: change → (what it changes, what is different about the connection's claims, the close code or None)
ENDED: dict[str, tuple[Changes, Changes, int | None]] = {
    "key retired": ({"keys": [RETIRED, TWO]}, {}, 4401),
    "key removed": ({"keys": [TWO]}, {}, 4401),
    "key with other material": ({"keys": [msgspec.structs.replace(ONE, material="new"), TWO]}, {}, 4401),
    "key for another algorithm": ({"keys": [msgspec.structs.replace(ONE, algorithm="EdDSA"), TWO]}, {}, 4401),
    "another key retired": ({"keys": [RETIRED, TWO]}, {"kid": "2"}, None),
    "another key added": ({"keys": [ONE, TWO, Key("3", "HS256", "material-3")]}, {}, None),
    "keys in another order": ({"keys": [TWO, ONE]}, {}, None),
    "reader revoked": ({"revoked": [Revocation("bo", NOW + 9), Revocation("ann", NOW + 1)]}, {}, 4401),
    "another reader revoked": ({"revoked": [Revocation("anna", NOW + 9)]}, {}, None),
    "reader's revocation over": ({"revoked": [Revocation("ann", NOW)]}, {}, None),
    "issued before": ({"not_before": 501}, {}, 4401),
    "issued in that very second": ({"not_before": 500}, {}, None),
    "issued after": ({"not_before": 499}, {}, None),
    "suspended": ({"state": "suspended"}, {}, None),
    "deleted": ({"state": "deleted"}, {}, 4403),
    "over quota": ({"over_quota": True}, {}, None),
}


@pytest.mark.parametrize("name", ENDED)
def test_who_is_ended(name: str) -> None:
    changes, different, code = ENDED[name]
    new = msgspec.structs.replace(OLD, version=2, **changes)
    said = {"tenant": "acme", "reader": "ann", "name": "Ann", "expires_at": NOW + 60, "kid": "1", "issued_at": 500}
    endings = Endings(OLD, new, NOW)
    ending = endings.of(Claims(**{**said, **different}))
    assert (ending and ending.code) == code
    if ending is not None:
        assert endings.any, "nobody would have been asked"
        assert ending.refusal.code == ("suspended" if code == 4403 else "token-invalid")


@pytest.mark.parametrize(
    ("changes", "any_of_them"),
    [
        ({}, False),
        ({"over_quota": True}, False),
        ({"limits": {"connections": 5}}, False),
        ({"origins": ["*"]}, False),
        ({"state": "suspended"}, False),
        ({"keys": [RETIRED, TWO]}, True),
        ({"not_before": 1}, True),
        ({"revoked": [Revocation("ann", NOW + 1)]}, True),
        ({"state": "deleted"}, True),
    ],
)
def test_most_changes_need_no_look_at_the_connections(changes: Changes, any_of_them: bool) -> None:
    assert Endings(OLD, msgspec.structs.replace(OLD, version=2, **changes), NOW).any is any_of_them


def test_a_tenant_that_was_not_known_before() -> None:
    """A record that came back, read whole: its connections are judged by what it says now."""
    endings = Endings(None, msgspec.structs.replace(OLD, keys=[TWO]), NOW)
    claims = Claims("acme", "ann", "Ann", NOW + 60, kid="1")
    assert endings.any and endings.of(claims) is not None
    assert endings.of(msgspec.structs.replace(claims, kid="2")) is None
