"""The amounts in docs/billing.md are what the rating engine says."""

import re
from decimal import Decimal
from pathlib import Path

from parley.plans import Charge, Flat, PerUnit
from parley_billing.core.rating.line import Terms, rate_line
from parley_billing.core.rating.portion import Portion

PAGE = (Path(__file__).parents[2] / "docs" / "billing.md").read_text()
USED, PRICE = Decimal(3_400_000), Decimal("0.0000025")


def shown(name: str) -> list[tuple[str, str]]:
    """(formula, amount) of each line of the worked example with that name."""
    return re.findall(rf"^{name}: +(.*?) += +([0-9.]+)$", PAGE, re.MULTILINE)


def test_the_worked_example() -> None:
    base, messages = Charge("base", Flat(Decimal(29))), Charge("messages", PerUnit(PRICE), included=Decimal(1_000_000))
    first, second = Terms(portion=Portion(0, 10, 30)), Terms(portion=Portion(10, 30, 30))
    cases = {
        "base": rate_line(base, Decimal(1), "EUR"),
        "messages": rate_line(messages, USED, "EUR"),
        "team  base": rate_line(base, Decimal(1), "EUR", first),
        "large base": rate_line(Charge("base", Flat(Decimal(99))), Decimal(1), "EUR", second),
        "team  messages": rate_line(messages, USED, "EUR", first),
    }
    assert {name: [amount for _, amount in shown(name)] for name in cases} == {
        name: [line.money.text] for name, line in cases.items()
    }
    assert "                                             net     35.00" in PAGE
