"""docs/rating.md: every example is run, every list is compared, nothing in it is only said."""

import re
from pathlib import Path

import pytest
from click.testing import CliRunner
from msgspec.structs import replace

from parley.plan_rules import validate
from parley.plans import Graduated, Plan, Tier, decode_plan
from parley_billing.core.rating.case_compound import COMPOUND
from parley_billing.core.rating.case_config import PRICINGS
from parley_billing.core.rating.line import LINE_ORDER
from parley_billing.core.rating.statement import STATEMENT_ORDER
from parley_billing.rate_command import rate

PAGE = (Path(__file__).parents[3] / "docs/rating.md").read_text()
EXAMPLES = re.findall(
    r"^###? ([^\n]+)$|^```json\n(.*?)^```\n\n```json-lines\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL
)


def examples() -> list[tuple[str, str, str]]:
    """(section, file, lines printed)."""
    section, found = "", []
    for heading, file, printed in EXAMPLES:
        if file:
            found.append((section, file, printed))
        section = heading or section
    return found


@pytest.mark.parametrize(("file", "printed"), [row[1:] for row in examples()], ids=[row[0] for row in examples()])
def test_an_example_prints_what_the_page_says(tmp_path: Path, file: str, printed: str) -> None:
    path = tmp_path / "cases.json"
    path.write_text(file)
    assert CliRunner().invoke(rate, [str(path), "--formula"]).stdout == printed


def test_each_model_has_its_example() -> None:
    used = {name for _, file, _ in examples() for name in re.findall(r'"id": "[^"]*", "model": "([^"]+)"', file)}
    priced = used | {"invoice", "prepaid balance", "maximum"}  # the same config as their neighbours
    assert priced == {*PRICINGS, *COMPOUND}
    assert [name for name in COMPOUND if f"`{name}`" not in PAGE] == []


@pytest.mark.parametrize(("name", "order"), [("LINE_ORDER", LINE_ORDER), ("STATEMENT_ORDER", STATEMENT_ORDER)])
def test_the_orders_are_these(name: str, order: tuple[tuple[str, object], ...]) -> None:
    after = PAGE.split(f"(`{name}` in ")[1].split("\n\n")[1]
    assert re.findall(r"^\d\. (.+)$", after, re.MULTILINE) == [step for step, _ in order]


def _plan() -> Plan:
    [data] = re.findall(r"^```json plan\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    return decode_plan(data.encode())


def test_the_plan_is_accepted() -> None:
    assert validate(_plan()) == []


def test_the_problems_read_like_that() -> None:
    plan = _plan()
    pricing = plan.charges[1].pricing
    assert isinstance(pricing, Graduated)

    def broken(number: int, **changed: object) -> Plan:
        tiers: list[Tier] = list(pricing.tiers)
        tiers[number] = replace(tiers[number], **changed)
        charge = replace(plan.charges[1], pricing=Graduated(tiers))
        return replace(plan, charges=[plan.charges[0], charge, *plan.charges[2:]])

    zero = pricing.tiers[0].flat
    plans = [
        broken(1, above=zero + 20_000_000),
        broken(1, above=zero + 5),
        broken(0, unit_price=zero - 1),
        replace(plan, currency="EURO"),
        replace(plan, maximum=zero + 10),
    ]
    [said] = re.findall(r"^```text problems\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    assert [str(problem) for plan in plans for problem in validate(plan)] == said.splitlines()
