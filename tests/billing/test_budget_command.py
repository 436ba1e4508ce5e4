"""`parley budget` on real servers, as an administrator uses it."""

from decimal import Decimal

import pytest
from click.testing import CliRunner, Result

from kit.servers import run_apart
from kit.tenants import add_tenant
from parley.plans import Charge, Flat, Plan
from parley_billing.shell.plan_store import PlanStore
from parley_runtime.cli import main
from parley_runtime.database import close, connect

pytestmark = pytest.mark.servers


@pytest.fixture(autouse=True)
def world(redis_url: str, database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARLEY_REDIS_URL", redis_url)
    monkeypatch.setenv("PARLEY_DATABASE_URL", database_url)
    add_tenant(redis_url, "acme")
    add_tenant(redis_url, "globex")

    async def publish() -> None:
        pool = await connect(database_url, "parley_admin", size=1)
        async with pool.acquire() as connection:
            await PlanStore(connection).publish(Plan("team", 1, "JPY", [Charge("base", Flat(Decimal(3_000)))]))
        await close(pool)

    run_apart(publish)
    assert invoke("subscription", "begin", "acme", "team").exit_code == 0


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments))


def test_a_budget_is_set_shown_changed_and_removed() -> None:
    assert invoke("budget", "set", "acme", "cost", "5000", "--currency", "JPY").stdout == (
        "acme: 5000 JPY a period, then notify\n"
    )
    invoke("budget", "set", "acme", "bandwidth", "5e9", "--action", "throttle")
    invoke("budget", "set", "acme", "bandwidth", "6e9", "--action", "refuse")
    assert invoke("budget", "show", "acme").stdout.splitlines() == [
        "acme: 5000 JPY a period, then notify",
        "acme: 6000000000 bytes a period, then refuse",
    ]
    assert invoke("budget", "remove", "acme", "cost").exit_code == 0
    assert "has no budget of cost" in invoke("budget", "remove", "acme", "cost").stderr
    assert invoke("audit").stdout.count("set-budget") == 3


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("nobody", "messages", "5"), "There is no tenant 'nobody'"),
        (("acme", "messages", "-5"), "is not a whole number from 0 to 9223372036854775807"),
        (("acme", "messages", "9223372036854775808"), "is not a whole number"),
        (("acme", "messages", "NaN"), "is not a whole number"),
        (("acme", "messages", "5", "--currency", "EUR"), "Only a cost has a currency"),
        (("acme", "cost", "5"), "A cost needs --currency"),
        (("acme", "cost", "5", "--currency", "EURO"), "A cost needs --currency"),
        (("acme", "cost", "5", "--currency", "EUR"), "acme pays in JPY, not in EUR"),
        (("globex", "cost", "5", "--currency", "EUR"), "globex has no subscription, so no cost"),
        (("acme", "cost", "0.5", "--currency", "JPY"), "has more decimals than JPY (0)"),
        (("acme", "cost", "NaN", "--currency", "JPY"), "is not an amount from 0"),
        (("acme", "cost", "1e30", "--currency", "JPY"), "is not an amount from 0"),
    ],
)
def test_what_makes_no_sense_is_said_and_changes_nothing(arguments: tuple[str, ...], says: str) -> None:
    result = invoke("budget", "set", *arguments, "--action", "refuse")
    assert result.exit_code == 1 and says in result.stderr, result.output
    assert invoke("budget", "show").stdout == ""
