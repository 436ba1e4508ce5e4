"""What a plan must keep, each broken rule with its place and its sentence; and how versions follow each other."""

from decimal import Decimal as D
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from parley.plan_rules import Problem, succession, validate
from parley.plans import (
    Block,
    Blocks,
    Charge,
    Flat,
    Graduated,
    Package,
    PerUnit,
    Plan,
    Pricing,
    Tier,
    Volume,
    decode_plan,
    encode_plan,
)

GOOD = Plan(
    "team",
    1,
    "EUR",
    [
        Charge("base", Flat(D("29.00"))),
        Charge("messages", Graduated([Tier(D(10**6)), Tier(None, D("0.0000025"))]), "pubSubMessageCount"),
        Charge("bandwidth", Package(D(10**9), D("0.10")), "pubSubBandwidth", included=D(10**11), maximum=D(500)),
        Charge("presence", Volume([Tier(None, D(0))]), "presenceMessageCount"),
        Charge("replay", Blocks("allTiers", [Block(D(1000), D(1), 5), Block(D(1000), D("0.5"))]), "replayMessageCount"),
    ],
    period="month",
    anchor="anniversary",
    trial_days=14,
    minimum=D(29),
    maximum=D(10_000),
)


def messages(pricing: Pricing, **more: Any) -> Plan:
    return Plan("team", 1, "EUR", [Charge("messages", pricing, "pubSubMessageCount", **more)])


def tiers(*rows: tuple[int | None, int] | Tier) -> Plan:
    made = [row if isinstance(row, Tier) else Tier(None if row[0] is None else D(row[0]), D(row[1])) for row in rows]
    return messages(Graduated(made))


def test_a_good_plan_has_no_problems_and_survives_its_json() -> None:
    assert validate(GOOD) == []
    assert decode_plan(encode_plan(GOOD)) == GOOD


def test_its_json_has_amounts_as_strings() -> None:
    data = msgspec.json.decode(encode_plan(GOOD))
    assert data["charges"][1]["pricing"] == {
        "model": "graduated",
        "tiers": [{"upTo": "1000000"}, {"upTo": None, "unitPrice": "0.0000025"}],
    }


def test_a_misspelt_member_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError, match="unknown field `minimun`"):
        decode_plan(b'{"name":"a","version":1,"currency":"EUR","charges":[],"minimun":"5"}')


TIERS = "charges[0].pricing.tiers"

#: A plan with one thing wrong, where, and the sentence.
BROKEN: list[tuple[Plan, str, str]] = [
    (replace(GOOD, name="Team!"), "name", "A name is 1 to 63 of a-z, 0-9 and -, and neither begins nor ends with -."),
    (replace(GOOD, version=0), "version", "Versions count from 1."),
    (replace(GOOD, currency="EURO"), "currency", "'EURO' is not a currency of ISO 4217 that can be invoiced."),
    (replace(GOOD, currency="eur"), "currency", "'eur' is not a currency of ISO 4217 that can be invoiced."),
    (replace(GOOD, trial_days=-1), "trialDays", "-1 is not between 0 and 731."),
    (replace(GOOD, charges=[]), "charges", "There are 0 charges; it must be 1 to 100."),
    (replace(GOOD, minimum=D(10_001)), "minimum", "10001 is above the maximum, 10000."),
    (replace(GOOD, maximum=D("NaN")), "maximum", "NaN is not a number."),
    (replace(GOOD, minimum=D("sNaN")), "minimum", "NaN is not a number."),
    (replace(GOOD, charges=GOOD.charges[:1] * 2), "charges[1].name", "'base' is there twice."),
    (replace(GOOD, charges=[Charge("-", Flat(D(1)))]), "charges[0].name",
     "A name is 1 to 63 of a-z, 0-9 and -, and neither begins nor ends with -."),
    (replace(GOOD, charges=[Charge("base", PerUnit(D(1)))]), "charges[0].meter",
     "Only a flat charge can be without a meter."),
    (replace(GOOD, charges=[Charge("base", Flat(D(1)), included=D(5))]), "charges[0].included",
     "A flat charge does not depend on the quantity: nothing can be included."),
    (messages(PerUnit(D(-1))), "charges[0].pricing.unitPrice", "-1 is negative."),
    (messages(PerUnit(D("NaN"))), "charges[0].pricing.unitPrice", "NaN is not a number."),
    (messages(PerUnit(D("Infinity"))), "charges[0].pricing.unitPrice", "It is infinite."),
    (messages(PerUnit(D(10**12 + 1))), "charges[0].pricing.unitPrice",
     "1000000000001 is above the largest possible, 1000000000000."),
    (messages(PerUnit(D("1E-13"))), "charges[0].pricing.unitPrice", "1E-13 has more than 12 decimals."),
    (messages(PerUnit(D("0." + "1" * 60))), "charges[0].pricing.unitPrice",
     "0.11111111111111111111111111111111111… has more than 12 decimals."),
    (messages(PerUnit(D(1)), included=D(-5)), "charges[0].included", "-5 is negative."),
    (messages(PerUnit(D(1)), included=D(2**63)), "charges[0].included",
     "9223372036854775808 is above the largest possible, 9223372036854775807."),
    (messages(PerUnit(D(1)), minimum=D(5), maximum=D(4)), "charges[0].minimum", "5 is above the maximum, 4."),
    (messages(Package(D(0), D(1))), "charges[0].pricing.size", "It is 0: nothing can be packed into it."),
    (messages(Package(D(-10), D(1))), "charges[0].pricing.size", "-10 is negative."),
    (messages(Package(D(10), D(-1))), "charges[0].pricing.amount", "-1 is negative."),
    (tiers(), TIERS, "There are 0 tiers; it must be 1 to 100."),
    (tiers((10, 1), (20, 1)), f"{TIERS}[1]", "It ends at 20: what comes above has no price (a gap)."),
    (tiers((10, 1), (10, 1), (None, 1)), f"{TIERS}[1]",
     "It ends at 10, but the tier before ends at 10 (they overlap)."),
    (tiers((20, 1), (10, 1), (None, 1)), f"{TIERS}[1]",
     "It ends at 10, but the tier before ends at 20 (they overlap)."),
    (tiers((None, 1), (None, 1)), f"{TIERS}[0]",
     "It has no end, so the tier after it overlaps it; only the last has no end."),
    (tiers((0, 1), (None, 1)), f"{TIERS}[0]", "It ends at 0: it holds nothing."),
    (tiers((-5, 1), (None, 1)), f"{TIERS}[0].upTo", "-5 is negative."),
    (tiers((10, -1), (None, 1)), f"{TIERS}[0].unitPrice", "-1 is negative."),
    (tiers(Tier(None, D(1), D(-2))), f"{TIERS}[0].flat", "-2 is negative."),
    (tiers((10, 1), Tier(None, D(1), above=D(15))), f"{TIERS}[1].above",
     "Units above 10 up to 15 have no price (a gap)."),
    (tiers((10, 1), Tier(None, D(1), above=D(5))), f"{TIERS}[1].above",
     "It begins above 5, but the tier before ends at 10 (they overlap)."),
    (tiers(Tier(None, D(1), above=D(1))), f"{TIERS}[0].above", "Units above 0 up to 1 have no price (a gap)."),
    (messages(Blocks("allTiers", [Block(D(10), D(1), 5)])), f"{TIERS}[0]",
     "It ends after 5 blocks: what comes above has no price (a gap)."),
    (messages(Blocks("topTier", [Block(D(10), D(1)), Block(D(10), D(1))])), f"{TIERS}[0]",
     "It has no end, so the tier after it overlaps it; only the last has no end."),
    (messages(Blocks("topTier", [Block(D(10), D(1), 0)])), f"{TIERS}[0].most",
     "0 is not between 1 and 9223372036854775807."),
    (messages(Blocks("topTier", [Block(D(0), D(1), 1)])), f"{TIERS}[0].size",
     "It is 0: nothing can be packed into it."),
]  # fmt: skip


@pytest.mark.parametrize(("plan", "place", "message"), BROKEN, ids=[f"{place}: {text}" for _, place, text in BROKEN])
def test_a_broken_rule_is_named_alone(plan: Plan, place: str, message: str) -> None:
    assert validate(plan) == [Problem(place, message)]
    assert str(Problem(place, message)) == f"{place}: {message}"


def test_all_problems_come_at_once() -> None:
    plan = replace(tiers((10, -1), (5, 1)), currency="???", version=-3)
    assert [problem.place for problem in validate(plan)] == [
        "version", "currency", f"{TIERS}[0].unitPrice", f"{TIERS}[1]", f"{TIERS}[1]",
    ]  # fmt: skip


def test_the_first_version_is_1() -> None:
    assert succession(None, GOOD) == []
    assert succession(None, replace(GOOD, version=2)) == [Problem("version", "The first version must be 1.")]


def test_a_version_never_changes() -> None:
    assert succession(GOOD, GOOD) == []
    assert succession(GOOD, replace(GOOD, trial_days=30)) == [
        Problem("version", "Version 1 is published and never changes; publish the next one.")
    ]


@pytest.mark.parametrize(
    ("changed", "place", "message"),
    [
        ({"version": 3}, "version", "After version 1 comes 2, not 3."),
        ({"version": 2, "currency": "USD"}, "currency", "A plan keeps its currency, EUR; make another plan."),
        ({"version": 2, "name": "other"}, "name", "'other' is not 'team'."),
    ],
)
def test_what_may_not_follow(changed: dict[str, Any], place: str, message: str) -> None:
    assert succession(GOOD, replace(GOOD, **changed)) == [Problem(place, message)]


def test_the_next_version_may_differ() -> None:
    assert succession(GOOD, replace(GOOD, version=2, trial_days=30)) == []


def test_a_digest_follows_the_content() -> None:
    assert GOOD.digest() == decode_plan(encode_plan(GOOD)).digest() != replace(GOOD, trial_days=15).digest()
