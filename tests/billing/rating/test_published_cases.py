"""Cases that other billing systems publish in their tests and manuals, with the amounts that they publish."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from kit.formula import check
from parley.money import plain
from parley_billing.core.rating.cases import answer
from parley_billing.rate_command import zone

CASES = json.loads(Path(__file__).with_name("published_cases.json").read_text(), parse_int=Decimal)["rating"]


@pytest.mark.parametrize("case", CASES, ids=[f"{case['id']} {case['model']}" for case in CASES])
def test_amount_is_the_published_one(case: dict[str, Any]) -> None:
    answered = answer(case, 0, zone)
    assert answered.result is not None, answered.error
    assert plain(answered.result.value) == case["expected"]
    assert check(answered.result.formula) == Decimal(case["expected"])
