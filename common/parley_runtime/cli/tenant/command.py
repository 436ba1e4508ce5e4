"""``parley tenant`` and its commands; those about tokens are in `revoke`."""

from pathlib import Path
from typing import Any

import click
import msgspec
from msgspec.structs import replace

from parley.public_urls import UrlProblem, check_url
from parley.tenant_changes import shown
from parley.tenants import NAME, Tenant
from parley_runtime.administration import ChangedMeanwhile
from parley_runtime.cli.tenant.key_options import key_of, key_options
from parley_runtime.cli.tenant.revoke import revoke
from parley_runtime.cli.tenant.working import change, is_recorded, work


@click.group()
@click.option("--unrecorded", is_flag=True, help="Change without the administrators' log, while the database is away.")
@click.pass_context
def tenant(context: click.Context, unrecorded: bool) -> None:
    """Tenants in the registry: gateways follow every change within seconds, `parley audit` lists them."""
    context.find_root().meta["parley.recorded"] = not unrecorded


tenant.add_command(revoke)


@tenant.command("list")
def list_tenants() -> None:
    """Each tenant with its state, key ids and origins. Keys themselves are never shown."""
    for record in sorted(work(lambda admin: admin.registry.all(), recorded=False).values(), key=lambda each: each.name):
        keys = ", ".join(f"{key.kid} ({key.algorithm}{'' if key.active else ', retired'})" for key in record.keys)
        state = f"{record.state}{', over quota' if record.over_quota else ''}"
        click.echo(f"{record.name}  {state}  keys: {keys or 'none'}  origins: {', '.join(record.origins)}")


@tenant.command()
@click.argument("name")
def get(name: str) -> None:
    """The record of tenant NAME as JSON, without what its keys are made of."""
    record = work(lambda admin: admin.registry.get(name), recorded=False)
    if record is None:
        raise click.ClickException(f"There is no tenant {name}.")
    click.echo(msgspec.json.format(msgspec.json.encode(shown(record)), indent=2).decode())


@tenant.command()
@click.argument("name")
@click.option("--origin", "origins", multiple=True, help="Where its pages are, like https://acme.test. Repeatable.")
@click.option("--kid", default="1", show_default=True, help="The key's id.")
@key_options
def add(name: str, origins: tuple[str, ...], kid: str, **wanted: Any) -> None:
    """Add tenant NAME with one key."""
    if not NAME.fullmatch(name):
        raise click.ClickException("A tenant's name has 1 to 63 of a-z, 0-9 and -, with no - at either end.")
    key, made = key_of(kid, **wanted)
    record = Tenant(name=name, version=1, keys=[key], origins=list(origins))
    try:
        work(lambda admin: admin.add(record), recorded=is_recorded())
    except (ChangedMeanwhile, click.ClickException) as problem:
        if made is not None:  # what signs for nothing must not lie about
            made.unlink()
        if isinstance(problem, click.ClickException):
            raise
        raise click.ClickException(f"There is a tenant {name} already.") from None
    click.echo(f"Added {name} with key {kid} ({key.algorithm}).")


@tenant.command("add-key")
@click.argument("name")
@click.argument("kid")
@key_options
def add_key(name: str, kid: str, **wanted: Any) -> None:
    """Add a key to tenant NAME; the others stay valid, so that tokens can move over."""
    made: Path | None = None

    def changed(record: Tenant) -> Tenant:
        nonlocal made
        if any(key.kid == kid for key in record.keys):
            raise click.ClickException(f"{name} has a key {kid} already.")
        key, made = key_of(kid, **wanted)
        return replace(record, keys=[*record.keys, key])

    try:
        change("add-key", name, changed)
    except click.ClickException:
        if made is not None:
            made.unlink()
        raise
    click.echo(f"Added key {kid} to {name}.")


@tenant.command("retire-key")
@click.argument("name")
@click.argument("kid")
def retire_key(name: str, kid: str) -> None:
    """No longer accept tokens of that key; connections that they opened end."""

    def changed(record: Tenant) -> Tenant:
        if not any(key.kid == kid and key.active for key in record.keys):
            raise click.ClickException(f"{name} has no active key {kid}.")
        return replace(record, keys=[replace(key, active=False) if key.kid == kid else key for key in record.keys])

    change("retire-key", name, changed)
    click.echo(f"Retired key {kid} of {name}.")


@tenant.command()
@click.argument("name")
@click.argument("url", required=False)
@click.option("--remove", is_flag=True, help="No longer take keys from there; connections that they opened end.")
def jwks(name: str, url: str | None, remove: bool) -> None:
    """Take further keys of tenant NAME from the JWK set at the https URL."""
    if remove == (url is not None):
        raise click.ClickException("Name either a URL or --remove.")
    try:
        wanted = None if url is None else check_url(url)
    except UrlProblem as problem:
        raise click.ClickException(str(problem)) from None
    change("jwks", name, lambda record: replace(record, jwks_url=wanted))
    click.echo(f"{name} takes keys from {url}." if url else f"{name} takes no keys from a URL.")


@tenant.command()
@click.argument("name")
@click.argument("origins", nargs=-1, required=True)
def origins(name: str, origins: tuple[str, ...]) -> None:
    """Replace the ORIGINS on which tenant NAME's pages are."""
    change("origins", name, lambda record: replace(record, origins=list(origins)))
    click.echo(f"{name} may be used on {', '.join(origins)}.")


@tenant.command()
@click.argument("name")
def suspend(name: str) -> None:
    """Let nobody of tenant NAME write (`suspended`). Readers go on reading, and the data stays."""
    change("suspend", name, lambda record: replace(record, state="suspended"))
    click.echo(f"Suspended {name}.")


@tenant.command()
@click.argument("name")
def resume(name: str) -> None:
    """Let tenant NAME write again."""
    change("resume", name, lambda record: replace(record, state="active"))
    click.echo(f"Resumed {name}.")


@tenant.command("over-quota")
@click.argument("name")
@click.option("--undo", is_flag=True, help="It is within its quota again.")
def over_quota(name: str, undo: bool) -> None:
    """Let nobody of tenant NAME write until its quota allows it (`over-quota`). Readers go on reading."""
    change("over-quota", name, lambda record: replace(record, over_quota=not undo))
    click.echo(f"{name} is {'within' if undo else 'over'} its quota.")
