"""`parley plan` and `parley subscription` on a real database, as an administrator uses them."""

import json
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from click.testing import CliRunner

from kit.servers import run_apart
from kit.tenants import add_tenant
from parley.plans import decode_plan
from parley_billing.shell.plan_store import PlanStore
from parley_runtime.cli import main
from parley_runtime.database import close, connect

pytestmark = pytest.mark.servers

TIERS = [{"upTo": "10000000", "unitPrice": "0.0000025"}, {"upTo": None, "unitPrice": "0.000002"}]


def written(directory: Path, version: int = 1, **members: Any) -> str:
    """A plan in a file."""
    plan = {
        "name": "team",
        "version": version,
        "currency": "EUR",
        "charges": [
            {"name": "base", "pricing": {"model": "flat", "amount": "29.00"}},
            {"name": "messages", "meter": "pubSubMessageCount", "pricing": {"model": "graduated", "tiers": TIERS}},
        ],
        **members,
    }
    file = directory / f"plan-{len(list(directory.iterdir()))}.json"
    file.write_text(json.dumps(plan))
    return str(file)


@pytest.fixture(autouse=True)
def world(redis_url: str, database_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("PARLEY_REDIS_URL", redis_url)
    monkeypatch.setenv("PARLEY_DATABASE_URL", database_url)
    add_tenant(redis_url, "acme")
    return database_url


def run(*arguments: str) -> str:
    result = CliRunner().invoke(main, list(arguments))
    assert result.exit_code == 0, result.output
    return result.stdout


def fail(*arguments: str) -> str:
    result = CliRunner().invoke(main, list(arguments))
    assert result.exit_code == 1 and "Traceback" not in result.output, result.output
    return result.stderr


def test_a_version_is_published_once_and_shown_as_it_is(tmp_path: Path) -> None:
    file = written(tmp_path)
    assert run("plan", "apply", file) == "Published team version 1.\n"
    assert run("plan", "apply", file) == "Unchanged: team version 1.\n"
    assert decode_plan(run("plan", "show", "team").encode()) == decode_plan(Path(file).read_bytes())
    assert run("plan", "apply", written(tmp_path, 2, minimum="29")) == "Published team version 2.\n"
    assert json.loads(run("plan", "show", "team"))["minimum"] == "29"
    assert "minimum" not in json.loads(run("plan", "show", "team@1"))
    listed = run("plan", "list").splitlines()
    assert [line.split("  ")[:3] for line in listed] == [
        ["team@1", "EUR a month", "2 charges"],
        ["team@2", "EUR a month", "2 charges"],
    ]
    assert run("audit").count("publish-plan") == 2


def tiers(*each: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"name": "messages", "meter": "pubSubMessageCount", "pricing": {"model": "volume", "tiers": list(each)}}]


@pytest.mark.parametrize(
    ("members", "says"),
    [
        (
            {"charges": tiers({"upTo": "10", "unitPrice": "1"}, {"above": "5", "upTo": None, "unitPrice": "2"})},
            "charges[0].pricing.tiers[1].above: It begins above 5, but the tier before ends at 10 (they overlap).",
        ),
        (
            {"charges": tiers({"upTo": "10", "unitPrice": "1"}, {"above": "20", "upTo": None, "unitPrice": "2"})},
            "charges[0].pricing.tiers[1].above: Units above 10 up to 20 have no price (a gap).",
        ),
        (
            {"charges": tiers({"upTo": None, "unitPrice": "-1"})},
            "charges[0].pricing.tiers[0].unitPrice: -1 is negative.",
        ),
        ({"currency": "EURO"}, "currency: 'EURO' is not a currency of ISO 4217 that can be invoiced."),
        ({"version": 2}, "version: The first version must be 1."),
        ({"charges": []}, "charges: There are 0 charges"),
        ({"maximum": "NaN", "minimum": "1"}, "maximum: NaN is not a number."),
        ({"colour": "red"}, "unknown field `colour`"),
        ({"charges": [{"name": "base", "pricing": {"model": "lottery"}}]}, "Invalid value 'lottery'"),
    ],
)
def test_a_bad_plan_is_refused_with_each_problem_in_its_place(
    tmp_path: Path, members: dict[str, Any], says: str
) -> None:
    assert says in fail("plan", "apply", written(tmp_path, **members))
    assert run("plan", "list") == ""


def test_a_published_version_never_changes(tmp_path: Path, world: str) -> None:
    run("plan", "apply", written(tmp_path))
    said = fail("plan", "apply", written(tmp_path, minimum="1"))
    assert "version: Version 1 is published and never changes; publish the next one." in said
    assert "After version 1 comes 2, not 3" in fail("plan", "apply", written(tmp_path, 3))
    assert "A plan keeps its currency" in fail("plan", "apply", written(tmp_path, 2, currency="USD"))

    async def tamper(statement: str) -> None:
        owner = await asyncpg.connect(world)
        try:
            with pytest.raises(asyncpg.RestrictViolationError, match="plans never changes"):
                await owner.execute(statement)
        finally:
            await owner.close()

    for statement in ("UPDATE parley.plans SET body = ''", "DELETE FROM parley.plans", "TRUNCATE parley.plans CASCADE"):
        run_apart(lambda statement=statement: tamper(statement))  # type: ignore[misc]


@pytest.mark.parametrize("data", [b"", b"nonsense", b"[]", b"\xff", b"[" * 100_000, b'{"name":"x"}', b" " * 2_000_000])
def test_a_file_that_is_no_plan_is_said_in_a_sentence(tmp_path: Path, data: bytes) -> None:
    file = tmp_path / "plan.json"
    file.write_bytes(data)
    assert "plan.json is" in fail("plan", "apply", str(file))
    assert "cannot be read" in fail("plan", "apply", str(tmp_path / "none.json"))


def test_a_tenant_is_on_a_plan_changes_it_and_leaves(tmp_path: Path, world: str) -> None:
    run("plan", "apply", written(tmp_path))
    run("plan", "apply", written(tmp_path, 2))
    run("plan", "apply", written(tmp_path, name="large"))
    said = run("subscription", "begin", "acme", "team@1", "--from", "2026-03-10", "--zone", "Europe/Berlin")
    assert said == "acme: team@1 from 2026-03-10 (Europe/Berlin)\n"
    assert "goes on" in fail("subscription", "begin", "acme", "team")
    said = run("subscription", "change", "acme", "large")
    assert said.startswith("acme: team@1 from 2026-03-10, large@1 from ")
    run("subscription", "change", "acme", "team")
    assert run("subscription", "show", "acme") == run("subscription", "show")
    assert "team@2 from" in run("subscription", "show", "acme"), "the same day, agreed again"
    assert "may have been invoiced" in fail("subscription", "change", "acme", "large", "--from", "2026-03-11")
    assert "agreed from" in fail("subscription", "end", "acme")

    async def read() -> Any:
        pool = await connect(world, "parley_billing", size=1)
        try:
            async with pool.acquire() as connection:
                return await PlanStore(connection).subscriptions(["acme"])
        finally:
            await close(pool)

    (held,) = run_apart(read)
    assert [holding.plan.version for holding in held.holdings] == [1, 2]
    assert run("audit").count("-subscription") == 3


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("begin", "nobody", "team"), "There is no tenant 'nobody'"),
        (("begin", "acme", "absent"), "There is no plan 'absent'"),
        (("begin", "acme", "team@9"), "There is no plan 'team@9'"),
        (("begin", "acme", "team@x"), "write NAME or NAME@VERSION"),
        (("begin", "acme", "team", "--zone", "Mars/Olympus"), "There is no time zone"),
        (("begin", "acme", "team", "--from", "2999-01-01"), "days ahead"),
        (("change", "acme", "team"), "acme has no subscription"),
        (("end", "acme"), "acme has no subscription"),
    ],
)
def test_what_cannot_be_agreed_is_said_and_changes_nothing(
    tmp_path: Path, arguments: tuple[str, ...], says: str
) -> None:
    run("plan", "apply", written(tmp_path))
    assert says in fail("subscription", *arguments)
    assert run("subscription", "show") == ""
