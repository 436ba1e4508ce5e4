"""The demo's tenants: the same keys at every start, kept to ourselves, and valid in the registry."""

from pathlib import Path

import msgspec
import pytest

from parley.redis_keys import Keys
from parley_runtime import redis_client
from parley_runtime.demo.tenants import keep_tenants, kept_key, publish
from parley_runtime.registry import Registry


def test_tenants_are_made_once_and_then_read(tmp_path: Path) -> None:
    first = keep_tenants(tmp_path)
    assert set(first) == {"acme", "globex"}
    assert keep_tenants(tmp_path) == first
    assert first["acme"].keys[0].material != first["globex"].keys[0].material
    assert (tmp_path / "tenants.json").stat().st_mode & 0o077 == 0


def test_a_damaged_file_is_made_anew(tmp_path: Path) -> None:
    (tmp_path / "tenants.json").write_text('{"acme": ')
    tenants = keep_tenants(tmp_path)
    assert keep_tenants(tmp_path) == tenants


def test_the_kept_key_signs_and_does_not_show_itself(tmp_path: Path) -> None:
    material = keep_tenants(tmp_path)["acme"].keys[0].material
    key = kept_key(tmp_path, "acme")
    assert key is not None and key.algorithm == "HS256"
    assert material not in repr(key)
    assert kept_key(tmp_path, "nobody") is None
    assert kept_key(tmp_path / "nowhere", "acme") is None


@pytest.mark.servers
async def test_publishing_wins_over_what_another_demo_left(redis_url: str, tmp_path: Path) -> None:
    client = redis_client.connect(redis_url)
    try:
        registry = Registry(client, Keys())
        (tmp_path / "other").mkdir()
        other = keep_tenants(tmp_path / "other")
        await publish(registry, {name: msgspec.structs.replace(each, version=9) for name, each in other.items()})
        ours = keep_tenants(tmp_path)
        await publish(registry, ours)
        held = await registry.all()
        assert {name: tenant.keys for name, tenant in held.items()} == {name: t.keys for name, t in ours.items()}
        before = await registry.size_and_version()
        await publish(registry, ours)
        assert await registry.size_and_version() == before
    finally:
        await client.aclose()
