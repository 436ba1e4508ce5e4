"""``parley tenant``: the registry by hand, for installations without the operator."""

import asyncio
import math
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import click
import msgspec
import redis

from parley import limits
from parley.redis_keys import Keys
from parley.revocation import MOST_READERS, TooManyRevoked, revoke_issued_before, revoke_reader
from parley.tenants import ALGORITHMS, NAME, Key, Tenant
from parley_runtime import redis_client, settings
from parley_runtime.admin import audit, key_into_file
from parley_runtime.clock import SystemClock
from parley_runtime.keys import SHORTEST_RSA, verifying
from parley_runtime.registry import Registry
from parley_runtime.signing import KeyProblem
from parley_runtime.tokens import LAST_TOKEN_DIES

T = TypeVar("T")

_PATH = click.Path(path_type=Path)

#: What a new pair of keys can be for; the best first.
PAIRS = ("EdDSA", "ES256", "RS256")


def _key_options(command: Callable[..., None]) -> Callable[..., None]:
    """The three ways to give a tenant a key."""
    for option in (
        click.option(
            "--algorithm", type=click.Choice(PAIRS), default=PAIRS[0], show_default=True, help="Of a new pair."
        ),
        click.option("--private-key-file", type=_PATH, help="Make a new pair, and write its private key there."),
        click.option("--secret-file", type=_PATH, help="Make a new shared secret (HS256), and write it there."),
        click.option("--public-key", type=_PATH, help="PEM: RSA, P-256 or Ed25519."),
    ):
        command = option(command)
    return command


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
def get(name: str) -> None:
    """The record of tenant NAME as JSON, without what its keys are made of."""
    record = _registry(lambda registry: registry.get(name))
    if record is None:
        raise click.ClickException(f"There is no tenant {name}.")
    shown = msgspec.to_builtins(record)
    for key in shown["keys"]:
        del key["material"]
    click.echo(msgspec.json.format(msgspec.json.encode(shown), indent=2).decode())


@tenant.command()
@click.argument("name")
@click.option("--origin", "origins", multiple=True, help="Where its pages are, like https://acme.test. Repeatable.")
@click.option("--kid", default="1", show_default=True, help="The key's id.")
@_key_options
def add(name: str, origins: tuple[str, ...], kid: str, **wanted: Any) -> None:
    """Add tenant NAME with one key."""
    if not NAME.fullmatch(name):
        raise click.ClickException("A tenant's name has 1 to 63 of a-z, 0-9 and -, with no - at either end.")
    key, made = _key(kid, **wanted)

    async def put(registry: Registry) -> bool:
        return await registry.put(Tenant(name=name, version=1, keys=[key], origins=list(origins)))

    if not _registry(put):
        if made is not None:
            made.unlink()
        raise click.ClickException(f"There is a tenant {name} already.")
    audit("add", name, version=1, kid=kid, algorithm=key.algorithm, origins=origins)
    click.echo(f"Added {name} with key {kid} ({key.algorithm}).")


@tenant.command("add-key")
@click.argument("name")
@click.argument("kid")
@_key_options
def add_key(name: str, kid: str, **wanted: Any) -> None:
    """Add a key to tenant NAME; the others stay valid, so that tokens can move over."""
    made: Path | None = None

    def change(record: Tenant) -> Tenant:
        nonlocal made
        if any(key.kid == kid for key in record.keys):
            raise click.ClickException(f"{name} has a key {kid} already.")
        key, made = _key(kid, **wanted)
        return msgspec.structs.replace(record, keys=[*record.keys, key])

    try:
        _change("add-key", name, change, kid=kid)
    except click.ClickException:
        if made is not None:  # what signs for nothing must not lie about
            made.unlink()
        raise
    click.echo(f"Added key {kid} to {name}.")


@tenant.command("retire-key")
@click.argument("name")
@click.argument("kid")
def retire_key(name: str, kid: str) -> None:
    """No longer accept tokens of that key; connections that they opened end."""

    def change(record: Tenant) -> Tenant:
        if not any(key.kid == kid and key.active for key in record.keys):
            raise click.ClickException(f"{name} has no active key {kid}.")
        keys = [msgspec.structs.replace(key, active=False) if key.kid == kid else key for key in record.keys]
        return msgspec.structs.replace(record, keys=keys)

    _change("retire-key", name, change, kid=kid)
    click.echo(f"Retired key {kid} of {name}.")


@tenant.command()
@click.argument("name")
@click.option("--reader", help="Every token of this reader (`sub`), for a day: that long the last one could live.")
@click.option("--all", "everybody", is_flag=True, help="Every token that was issued until now.")
def revoke(name: str, reader: str | None, everybody: bool) -> None:
    """No longer accept tokens of tenant NAME that have not expired; connections that they opened end."""
    if everybody == (reader is not None):
        raise click.ClickException("Name either --reader or --all.")
    now = SystemClock().now_ms() / 1000
    if reader is None:
        # Tokens say whole seconds: those of the second that is passing are refused too.
        moment = int(now) + 1
        _change("revoke", name, lambda record: revoke_issued_before(record, moment), not_before=moment)
        click.echo(f"Revoked every token of {name} that was issued until now.")
        return
    try:
        size = len(reader.encode())
    except UnicodeEncodeError:
        size = 0
    if not 0 < size <= limits.READER_ID.default:
        raise click.ClickException(f"A reader's id is text of 1 to {limits.READER_ID.default} bytes of UTF-8.")
    until = math.ceil(now) + LAST_TOKEN_DIES

    def change(record: Tenant) -> Tenant:
        try:
            return revoke_reader(record, reader, now, until)
        except TooManyRevoked as error:
            raise click.ClickException(
                f"{name} has {MOST_READERS} revoked readers already. `--all` revokes every token at once."
            ) from error

    _change("revoke", name, change, reader=reader, until=until)
    click.echo(f"Revoked every token of reader {reader} of {name}.")


@tenant.command()
@click.argument("name")
@click.argument("origins", nargs=-1, required=True)
def origins(name: str, origins: tuple[str, ...]) -> None:
    """Replace the ORIGINS on which tenant NAME's pages are."""
    _change("origins", name, lambda record: msgspec.structs.replace(record, origins=list(origins)), origins=origins)
    click.echo(f"{name} may be used on {', '.join(origins)}.")


@tenant.command()
@click.argument("name")
def suspend(name: str) -> None:
    """Let nobody of tenant NAME write. Readers go on reading, and the data stays."""
    _change("suspend", name, lambda record: msgspec.structs.replace(record, state="suspended"))
    click.echo(f"Suspended {name}.")


@tenant.command()
@click.argument("name")
def resume(name: str) -> None:
    """Let tenant NAME write again."""
    _change("resume", name, lambda record: msgspec.structs.replace(record, state="active"))
    click.echo(f"Resumed {name}.")


def _change(action: str, name: str, change: Callable[[Tenant], Tenant], **details: Any) -> None:
    async def work(registry: Registry) -> int | None:
        held = await registry.get(name)
        if held is None:
            raise click.ClickException(f"There is no tenant {name}.")
        new = msgspec.structs.replace(change(held), version=held.version + 1)
        return new.version if await registry.put(new) else None

    version = _registry(work)
    if version is None:
        raise click.ClickException(f"{name} was changed by somebody else meanwhile. Try again.")
    audit(action, name, version=version, **details)


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


def _key(
    kid: str, public_key: Path | None, secret_file: Path | None, private_key_file: Path | None, algorithm: str
) -> tuple[Key, Path | None]:
    """The key, and the file that was made for what signs."""
    if sum(path is not None for path in (public_key, secret_file, private_key_file)) != 1:
        raise click.ClickException("Name either --public-key, --secret-file or --private-key-file.")
    try:
        if public_key is not None:
            return _public_key(kid, public_key.read_bytes().decode(errors="replace")), None
        if secret_file is not None:
            return key_into_file("HS256", kid, secret_file), secret_file
        assert private_key_file is not None
        return key_into_file(cast(Any, algorithm), kid, private_key_file), private_key_file
    except OSError as error:
        raise click.ClickException(f"{public_key or secret_file or private_key_file}: {error.strerror}.") from error


def _public_key(kid: str, pem: str) -> Key:
    """The key is for the one algorithm that can use it."""
    for algorithm in ALGORITHMS:
        key = Key(kid=kid, algorithm=algorithm, material=pem)
        try:
            verifying(key)
        except KeyProblem:
            continue
        if algorithm != "HS256":
            return key
    raise click.ClickException(
        f"The file holds no public key in PEM: RSA of at least {SHORTEST_RSA} bits, P-256 or Ed25519."
    )
