"""``parley webhook``: which servers of tenants are told what, and what could not be delivered."""

import time
from typing import Any

import click

from parley.public_urls import UrlProblem, check_url
from parley_billing.administrator import must_exist, record, work
from parley_billing.core.webhook import OLD_SECRET_SECONDS, TYPES, new_endpoint_id, new_secret, secret_text
from parley_billing.shell.webhook_outbox import queue
from parley_runtime.database import Connection

_ADD = "INSERT INTO parley.webhook_endpoints (id, tenant, url, types, secret) VALUES ($1, $2, $3, $4, $5)"
_LIST = """
SELECT e.id, e.tenant, e.url, e.types, e.disabled, count(*) FILTER (WHERE d.state = 'waiting') AS waiting,
  count(*) FILTER (WHERE d.state = 'dead') AS dead
FROM parley.webhook_endpoints e LEFT JOIN parley.webhook_deliveries d ON d.endpoint = e.id
WHERE $1::text IS NULL OR e.tenant = $1 GROUP BY e.id ORDER BY e.tenant, e.created_at, e.id
"""
_REMOVE = "DELETE FROM parley.webhook_endpoints WHERE tenant = $1 AND id = $2 RETURNING id"
_ROTATE = """
UPDATE parley.webhook_endpoints SET old_secret = secret, old_until = now() + make_interval(secs => $3), secret = $4
WHERE tenant = $1 AND id = $2 RETURNING id
"""
_ENABLE = "UPDATE parley.webhook_endpoints SET disabled = NULL WHERE tenant = $1 AND id = $2 RETURNING id"
_DEAD = """
SELECT d.message, d.endpoint, m.type, d.attempt, d.outcome, m.created_at
FROM parley.webhook_deliveries d JOIN parley.webhook_messages m ON m.id = d.message
WHERE m.tenant = $1 AND d.state = 'dead' ORDER BY m.created_at, d.message
"""
_REPLAY = """
UPDATE parley.webhook_deliveries d SET state = 'waiting', attempt = 0, next_at = now()
FROM parley.webhook_messages m
WHERE m.id = d.message AND m.tenant = $1 AND (d.message = $2 OR ($2::text IS NULL AND d.state = 'dead'))
"""

_TENANT = click.argument("tenant")
_ENDPOINT = click.argument("endpoint")


@click.group()
def webhook() -> None:
    """Servers of tenants that are told of budgets and invoices (docs/billing.md says how they check it is us)."""


@webhook.command()
@_TENANT
@click.argument("url")
@click.option("--type", "types", multiple=True, type=click.Choice(TYPES), help="Tell this only. Repeatable.")
def add(tenant: str, url: str, types: tuple[str, ...]) -> None:
    """Tell TENANT's server at the https URL. Prints the secret that signs what it is told: it is shown once."""
    try:
        check_url(url)
    except UrlProblem as problem:
        raise click.ClickException(str(problem)) from None
    must_exist(tenant)
    name, secret = new_endpoint_id(), new_secret()

    async def task(connection: Connection) -> None:
        await connection.execute(_ADD, name, tenant, url, list(types) or None, secret)
        await record(connection, "add-webhook", tenant, {"endpoint": name, "url": url, "types": list(types) or "all"})

    work(task)
    click.echo(f"{name}\n{secret_text(secret)}")


@webhook.command("list")
@click.argument("tenant", required=False)
def list_endpoints(tenant: str | None) -> None:
    """The endpoints of TENANT, or of all, with the number of deliveries that wait and that were given up."""
    for row in work(lambda connection: connection.fetch(_LIST, tenant)):
        told = ", ".join(row["types"]) if row["types"] else "everything"
        state = f"disabled: {row['disabled']}" if row["disabled"] else "told"
        click.echo(
            f"{row['tenant']}  {row['id']}  {row['url']}  {told}  {state}  waiting {row['waiting']}  dead {row['dead']}"
        )


@webhook.command()
@_TENANT
@_ENDPOINT
def rotate(tenant: str, endpoint: str) -> None:
    """Sign with a new secret, which is printed; for a day with the old one, too."""
    secret = new_secret()
    _change("rotate-webhook", tenant, endpoint, _ROTATE, OLD_SECRET_SECONDS, secret)
    click.echo(secret_text(secret))


@webhook.command()
@_TENANT
@_ENDPOINT
def enable(tenant: str, endpoint: str) -> None:
    """Tell an endpoint again that had answered 410 Gone; what waited for it is sent."""
    _change("enable-webhook", tenant, endpoint, _ENABLE)
    click.echo(f"{endpoint} is told again.")


@webhook.command()
@_TENANT
@_ENDPOINT
def remove(tenant: str, endpoint: str) -> None:
    """Tell an endpoint nothing any more, also not what waits for it."""
    _change("remove-webhook", tenant, endpoint, _REMOVE)
    click.echo(f"{endpoint} is removed.")


@webhook.command()
@_TENANT
def dead(tenant: str) -> None:
    """What could not be delivered to TENANT: message, endpoint, type, attempts, last outcome, when it happened."""
    for row in work(lambda connection: connection.fetch(_DEAD, tenant)):
        at = row["created_at"].isoformat(timespec="seconds")
        outcome = row["outcome"]
        click.echo(f"{row['message']}  {row['endpoint']}  {row['type']}  {row['attempt']}  {outcome}  {at}")


@webhook.command()
@_TENANT
@click.option("--message", metavar="ID", help="This one, also when it was delivered. Default: all that were given up.")
def replay(tenant: str, message: str | None) -> None:
    """Send again, under the same message ids: a receiver knows what it has seen."""

    async def task(connection: Connection) -> int:
        done = await connection.execute(_REPLAY, tenant, message)
        number = int(done.rpartition(" ")[2])
        if number:
            await record(
                connection, "replay-webhooks", tenant, {"message": message or "all dead", "deliveries": number}
            )
        return number

    number = work(task)
    if message is not None and not number:
        raise click.ClickException(f"{tenant} has no delivery of a message {message[:80]!r}.")
    click.echo(f"{number} {'delivery waits' if number == 1 else 'deliveries wait'} to be sent again.")


@webhook.command()
@_TENANT
def test(tenant: str) -> None:
    """Tell all endpoints of TENANT that are told of it something of the type `test`."""
    must_exist(tenant)

    async def task(connection: Connection) -> None:
        await queue(connection, tenant, "test", {"tenant": tenant}, time.time_ns() // 1_000_000)
        await record(connection, "test-webhooks", tenant, {})

    work(task)
    click.echo("It is on its way: `parley webhook list` and `parley webhook dead` say what became of it.")


def _change(action: str, tenant: str, endpoint: str, statement: str, *values: Any) -> None:
    async def task(connection: Connection) -> None:
        if await connection.fetchval(statement, tenant, endpoint, *values) is None:
            raise click.ClickException(f"{tenant} has no endpoint {endpoint[:80]!r}. `parley webhook list` shows them.")
        await record(connection, action, tenant, {"endpoint": endpoint})

    work(task)
