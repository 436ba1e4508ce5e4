"""What of a tenant's record may be shown to administrators, and what a change of it changed: never a key itself."""

import hashlib
from typing import Any

import msgspec

from parley.tenants import Key, Tenant


def fingerprint(key: Key) -> str:
    """The first 64 bits of SHA-256 over the key's material, in hex: enough to tell two keys apart."""
    return hashlib.sha256(key.material.encode()).hexdigest()[:16]


def shown(tenant: Tenant) -> dict[str, Any]:
    """The record as JSON can hold it, its keys' fingerprints instead of what they are made of."""
    record: dict[str, Any] = msgspec.to_builtins(tenant)
    for key, told in zip(tenant.keys, record["keys"], strict=True):
        del told["material"]
        told["fingerprint"] = fingerprint(key)
    return record


def difference(old: Tenant | None, new: Tenant) -> dict[str, Any]:
    """What became of the record: member → its values, for a list the entries that came and went. `old` None: all."""
    after = shown(new)
    if old is None:
        return after
    changes: dict[str, Any] = {}
    for name, before in shown(old).items():
        now = after[name]
        if now == before:
            continue
        if isinstance(now, list) and isinstance(before, list):
            added, removed = [one for one in now if one not in before], [one for one in before if one not in now]
            changes[name] = {"added": added, "removed": removed}
        else:
            changes[name] = {"before": before, "after": now}
    return changes
