"""``parley tenant``: the registry by hand, for installations without the operator."""

import asyncio
import base64
import os
import secrets
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import click
import msgspec
import redis
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from parley.redis_keys import Keys
from parley.tenants import NAME, Algorithm, Key, Tenant
from parley_runtime import redis_client, settings
from parley_runtime.registry import Registry

T = TypeVar("T")

SECRET_BYTES = 32


@click.group()
def tenant() -> None:
    """Tenants in the registry: gateways follow every change within seconds."""


@tenant.command("list")
def list_tenants() -> None:
    """Each tenant with its state, key ids and origins. Keys themselves are never shown."""
    for record in sorted(_registry(lambda registry: registry.all()).values(), key=lambda each: each.name):
        keys = ", ".join(f"{key.kid} ({key.algorithm}{'' if key.active else ', retired'})" for key in record.keys)
        click.echo(f"{record.name}  {record.state}  keys: {keys or 'none'}  origins: {', '.join(record.origins)}")


@tenant.command()
@click.argument("name")
@click.option("--origin", "origins", multiple=True, help="Where its pages are, like https://acme.test. Repeatable.")
@click.option("--public-key", type=click.Path(path_type=Path), help="PEM: RSA, P-256 or Ed25519.")
@click.option("--secret-file", type=click.Path(path_type=Path), help="Write a new shared secret (HS256) there.")
@click.option("--kid", default="1", show_default=True, help="The key's id.")
def add(name: str, origins: tuple[str, ...], public_key: Path | None, secret_file: Path | None, kid: str) -> None:
    """Add tenant NAME with one key."""
    if not NAME.fullmatch(name):
        raise click.ClickException("A tenant's name has 1 to 63 of a-z, 0-9 and -, with no - at either end.")
    key = _key(kid, public_key, secret_file)

    async def put(registry: Registry) -> bool:
        return await registry.put(Tenant(name=name, version=1, keys=[key], origins=list(origins)))

    if not _registry(put):
        if secret_file is not None:
            secret_file.unlink()
        raise click.ClickException(f"There is a tenant {name} already.")
    click.echo(f"Added {name} with key {kid} ({key.algorithm}).")


@tenant.command("add-key")
@click.argument("name")
@click.argument("kid")
@click.option("--public-key", type=click.Path(path_type=Path), help="PEM: RSA, P-256 or Ed25519.")
@click.option("--secret-file", type=click.Path(path_type=Path), help="Write a new shared secret (HS256) there.")
def add_key(name: str, kid: str, public_key: Path | None, secret_file: Path | None) -> None:
    """Add a key to tenant NAME; the others stay valid, so that tokens can move over."""

    def change(record: Tenant) -> Tenant:
        if any(key.kid == kid for key in record.keys):
            raise click.ClickException(f"{name} has a key {kid} already.")
        key = _key(kid, public_key, secret_file)
        return msgspec.structs.replace(record, keys=[*record.keys, key])

    _change(name, change)
    click.echo(f"Added key {kid} to {name}.")


@tenant.command("retire-key")
@click.argument("name")
@click.argument("kid")
def retire_key(name: str, kid: str) -> None:
    """No longer accept tokens of that key."""

    def change(record: Tenant) -> Tenant:
        if not any(key.kid == kid and key.active for key in record.keys):
            raise click.ClickException(f"{name} has no active key {kid}.")
        keys = [msgspec.structs.replace(key, active=False) if key.kid == kid else key for key in record.keys]
        return msgspec.structs.replace(record, keys=keys)

    _change(name, change)
    click.echo(f"Retired key {kid} of {name}.")


@tenant.command()
@click.argument("name")
@click.argument("origins", nargs=-1, required=True)
def origins(name: str, origins: tuple[str, ...]) -> None:
    """Replace the ORIGINS on which tenant NAME's pages are."""
    _change(name, lambda record: msgspec.structs.replace(record, origins=list(origins)))
    click.echo(f"{name} may be used on {', '.join(origins)}.")


@tenant.command()
@click.argument("name")
def suspend(name: str) -> None:
    """Refuse everybody of tenant NAME; its data stays."""
    _change(name, lambda record: msgspec.structs.replace(record, state="suspended"))
    click.echo(f"Suspended {name}.")


@tenant.command()
@click.argument("name")
def resume(name: str) -> None:
    """Serve tenant NAME again."""
    _change(name, lambda record: msgspec.structs.replace(record, state="active"))
    click.echo(f"Resumed {name}.")


def _change(name: str, change: Callable[[Tenant], Tenant]) -> None:
    async def work(registry: Registry) -> bool:
        held = await registry.get(name)
        if held is None:
            raise click.ClickException(f"There is no tenant {name}.")
        return await registry.put(msgspec.structs.replace(change(held), version=held.version + 1))

    if not _registry(work):
        raise click.ClickException(f"{name} was changed by somebody else meanwhile. Try again.")


def _registry(work: Callable[[Registry], Awaitable[T]]) -> T:
    async def run() -> T:
        wanted = settings.load()
        client = redis_client.connect(wanted.redis_url.get_secret_value())
        try:
            return await work(Registry(client, Keys(wanted.redis_prefix)))
        finally:
            await client.aclose()

    try:
        return asyncio.run(run())
    except settings.SettingsError as error:
        raise click.ClickException(str(error)) from error
    except (redis.RedisError, OSError) as error:
        raise click.ClickException(
            f"The registry does not answer ({type(error).__name__}). `parley doctor` says what is wrong with Redis."
        ) from error


def _key(kid: str, public_key: Path | None, secret_file: Path | None) -> Key:
    if (public_key is None) == (secret_file is None):
        raise click.ClickException("Name either --public-key or --secret-file.")
    try:
        if public_key is not None:
            pem = public_key.read_bytes()
            return Key(kid=kid, algorithm=_algorithm(pem), material=pem.decode())
        assert secret_file is not None
        secret = base64.urlsafe_b64encode(secrets.token_bytes(SECRET_BYTES)).rstrip(b"=").decode()
        with open(os.open(secret_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secret + "\n")
        return Key(kid=kid, algorithm="HS256", material=secret)
    except OSError as error:
        raise click.ClickException(f"{public_key or secret_file}: {error.strerror}.") from error


def _algorithm(pem: bytes) -> Algorithm:
    try:
        key = load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise click.ClickException("The file holds no public key in PEM.") from error
    if isinstance(key, rsa.RSAPublicKey) and key.key_size >= 2048:
        return "RS256"
    if isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1):
        return "ES256"
    if isinstance(key, ed25519.Ed25519PublicKey):
        return "EdDSA"
    raise click.ClickException("The key is neither RSA of at least 2048 bits, nor P-256, nor Ed25519.")
