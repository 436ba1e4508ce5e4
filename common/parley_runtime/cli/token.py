"""``parley token``: a signed token for trying things out."""

import asyncio
import os
from pathlib import Path

import click
import redis

from parley.claims import Role
from parley.tenants import Tenant
from parley_runtime import settings
from parley_runtime.administration import NotRecorded, administration
from parley_runtime.demo.directory import default_directory
from parley_runtime.demo.tenants import kept_key
from parley_runtime.signing import LONGEST_TTL, KeyProblem, SigningKey, Wish, read_key, sign


@click.command()
@click.option("--tenant", required=True, help="The tenant's name.")
@click.option("--reader", required=True, help="The reader's id (the claim `sub`).")
@click.option("--role", type=click.Choice([str(role) for role in Role]), help="Default: what gateways assume.")
@click.option("--name", help="The name others see.")
@click.option("--pages", multiple=True, metavar="PATTERN", help="Pages it covers; may be repeated. Default: all.")
@click.option("--scope", multiple=True, help="usage:read or admin; may be repeated.")
@click.option("--ttl", type=click.IntRange(1, LONGEST_TTL), default=3600, show_default=True, help="Seconds.")
@click.option("--key-file", type=click.Path(path_type=Path), help="Private key (PEM), or secret (base64url).")
@click.option("--kid", help="The key's id, when the tenant has several.")
@click.option("--data", type=click.Path(path_type=Path), help="The demo's data directory.")
def token(
    tenant: str,
    reader: str,
    role: str | None,
    name: str | None,
    pages: tuple[str, ...],
    scope: tuple[str, ...],
    ttl: int,
    key_file: Path | None,
    kid: str | None,
    data: Path | None,
) -> None:
    """Print a token that a tenant's own server would sign.

    The key is the one of --key-file; else that of PARLEY_SIGNING_KEY; else the demo's, when it knows the tenant; else
    the shared secret in the registry that PARLEY_REDIS_URL names. The key itself is never shown.
    """
    wish = Wish(tenant, reader, Role(role) if role else None, name, pages, scope, ttl)
    try:
        key = _key_from_file(key_file, kid) or _kept_key(tenant, data) or asyncio.run(_registry_key(wish, kid))
    except KeyProblem as problem:
        raise click.ClickException(str(problem)) from problem
    click.echo(sign(key, wish))


def _key_from_file(path: Path | None, kid: str | None) -> SigningKey | None:
    if path is None:
        text = os.environ.get("PARLEY_SIGNING_KEY")
        return read_key(text.encode(), kid=kid) if text else None
    try:
        return read_key(path.read_bytes(), kid=kid)
    except OSError as error:
        raise KeyProblem(f"The key file {path} cannot be read: {error.strerror}.") from error


def _kept_key(tenant: str, data: Path | None) -> SigningKey | None:
    return kept_key(data or default_directory(), tenant)


async def _registry_key(wish: Wish, kid: str | None) -> SigningKey:
    """The tenant's shared secret, when the log has taken what it is to sign. Raises KeyProblem."""
    try:
        async with administration(settings.load(), recorded=False) as admin:
            key = _shared_secret(await admin.registry.get(wish.tenant), wish.tenant, kid)
        async with administration(settings.load()) as admin:
            detail = {"reader": wish.reader, "role": wish.role, "scope": wish.scopes, "ttl": wish.ttl, "kid": key.kid}
            await admin.record("sign-token", wish.tenant, detail)
    except settings.SettingsError as error:
        raise KeyProblem(str(error)) from error
    except NotRecorded as error:
        raise KeyProblem(
            "Signing with a tenant's own secret is recorded, and the administrators' log in the database does not "
            f"take the entry ({error}). Name a key with --key-file, or see `parley doctor`."
        ) from error
    except (redis.RedisError, OSError) as error:
        raise KeyProblem(
            f"The registry cannot be read ({type(error).__name__}). Name a key with --key-file, or start the demo."
        ) from error
    return key


def _shared_secret(record: Tenant | None, tenant: str, kid: str | None) -> SigningKey:
    if record is None:
        raise KeyProblem(f"The registry knows no tenant {tenant!r}.")
    keys = [key for key in record.keys if key.active and (kid is None or key.kid == kid)]
    shared = [key for key in keys if key.algorithm == "HS256"]
    if not shared:
        raise KeyProblem(
            "The registry holds public keys only, or none of that id. Name the private one with --key-file."
        )
    return read_key(shared[0].material.encode(), kid=shared[0].kid)
