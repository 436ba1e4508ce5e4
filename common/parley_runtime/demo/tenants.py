"""The demo's tenants and their signing keys, which stay the same from start to start."""

import base64
import os
import secrets
from pathlib import Path

import msgspec

from parley.tenants import Key, Tenant
from parley_runtime.registry import Registry
from parley_runtime.signing import SigningKey, read_key

NAMES = ("acme", "globex")

# Whatever port the demo has got this time. Other machines' pages are not the demo's.
ORIGINS = ["http://127.0.0.1:*", "http://localhost:*"]

SECRET_BYTES = 32


def _path(directory: Path) -> Path:
    return directory / "tenants.json"


def _new_key(tenant: str) -> Key:
    secret = base64.urlsafe_b64encode(secrets.token_bytes(SECRET_BYTES)).rstrip(b"=").decode()
    return Key(kid=f"{tenant}-demo-{secrets.token_hex(3)}", algorithm="HS256", material=secret)


def keep_tenants(directory: Path) -> dict[str, Tenant]:
    """The tenants by name: read from the directory, or made there, in a file that only we can read."""
    path = _path(directory)
    kept = _read(path)
    tenants = {
        name: kept.get(name) or Tenant(name=name, version=1, keys=[_new_key(name)], origins=ORIGINS) for name in NAMES
    }
    if tenants != kept:
        # Whole or not at all, and never readable by others, not even for a moment.
        new = path.with_suffix(".new")
        new.unlink(missing_ok=True)
        with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(msgspec.json.encode(tenants))
        new.rename(path)
    return tenants


def _read(path: Path) -> dict[str, Tenant]:
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, Tenant])
    except (OSError, msgspec.DecodeError):
        return {}


def kept_key(directory: Path, tenant: str) -> SigningKey | None:
    """The key with which the demo of that directory signs for a tenant; None when it knows no such tenant."""
    record = _read(_path(directory)).get(tenant)
    return signing_key(record) if record is not None else None


def signing_key(tenant: Tenant) -> SigningKey:
    """The demo's only key of that tenant."""
    key = tenant.keys[0]
    return read_key(key.material.encode(), kid=key.kid, algorithm=key.algorithm)


async def publish(registry: Registry, tenants: dict[str, Tenant]) -> None:
    """Make the registry agree with our records, over whatever it held (another demo's, in a Redis of one's own)."""
    for tenant in tenants.values():
        held = await registry.get(tenant.name)
        if held is None:
            await registry.put(tenant)
        elif held.keys != tenant.keys or held.origins != tenant.origins or held.state != "active":
            await registry.put(msgspec.structs.replace(tenant, version=max(held.version, tenant.version) + 1))
