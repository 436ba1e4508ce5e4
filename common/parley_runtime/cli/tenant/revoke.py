"""``parley tenant revoke``: tokens that are refused although they have not expired."""

import math

import click

from parley import limits
from parley.revocation import MOST_READERS, TooManyRevoked, restore_reader, revoke_issued_before, revoke_reader
from parley.tenants import Tenant
from parley_runtime.cli.tenant.working import change
from parley_runtime.clock import SystemClock
from parley_runtime.tokens import LAST_TOKEN_DIES


@click.command()
@click.argument("name")
@click.option("--reader", help="Every token of this reader (`sub`), for a day: that long the last one could live.")
@click.option("--all", "everybody", is_flag=True, help="Every token that was issued until now.")
@click.option("--undo", is_flag=True, help="With --reader: honour its tokens again.")
def revoke(name: str, reader: str | None, everybody: bool, undo: bool) -> None:
    """No longer accept tokens of tenant NAME that have not expired; connections that they opened end."""
    if everybody == (reader is not None):
        raise click.ClickException("Name either --reader or --all.")
    now = SystemClock().now_ms() / 1000
    if reader is None:
        if undo:
            raise click.ClickException("--undo goes with --reader only. Old tokens stay refused; sign new ones.")
        # Tokens say whole seconds: those of the second that is passing are refused too.
        change("revoke", name, lambda record: revoke_issued_before(record, int(now) + 1))
        click.echo(f"Revoked every token of {name} that was issued until now.")
        return
    _check_reader(reader)
    if undo:
        change("restore", name, lambda record: _restored(record, reader))
        click.echo(f"Tokens of reader {reader} of {name} are honoured again.")
        return
    until = math.ceil(now) + LAST_TOKEN_DIES

    def changed(record: Tenant) -> Tenant:
        try:
            return revoke_reader(record, reader, now, until)
        except TooManyRevoked as error:
            raise click.ClickException(
                f"{name} has {MOST_READERS} revoked readers already. `--all` revokes every token at once."
            ) from error

    change("revoke", name, changed)
    click.echo(f"Revoked every token of reader {reader} of {name}.")


def _restored(record: Tenant, reader: str) -> Tenant:
    try:
        return restore_reader(record, reader)
    except LookupError:
        raise click.ClickException(f"{record.name} has no revoked reader {reader}.") from None


def _check_reader(reader: str) -> None:
    try:
        size = len(reader.encode())
    except UnicodeEncodeError:
        size = 0
    if not 0 < size <= limits.READER_ID.default:
        raise click.ClickException(f"A reader's id is text of 1 to {limits.READER_ID.default} bytes of UTF-8.")
