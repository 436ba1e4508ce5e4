"""An invoice before tax, and what pays for it."""

from datetime import date
from decimal import Decimal as D

import pytest

from kit.formula import check
from parley.money import Money, MoneyProblem
from parley.plans import Charge, Flat
from parley_billing.core.rating.amount import RatingProblem
from parley_billing.core.rating.line import Line, rate_line
from parley_billing.core.rating.part import Bounds
from parley_billing.core.rating.settlement import Credit, settle
from parley_billing.core.rating.statement import STATEMENT_ORDER, Coupon, put_together


def eur(minor: int) -> Money:
    return Money("EUR", minor)


def line(minor: int) -> Line:
    if minor >= 0:
        return rate_line(Charge("fee", Flat(eur(minor).value)), D(1), "EUR")
    return Line("late usage", D(0), eur(minor), ())


def test_the_order_is_this() -> None:
    assert [name for name, _ in STATEMENT_ORDER] == ["sum of lines", "coupons", "maximum", "minimum"]


TENTH, FIVE = Coupon("spring", percent=D(10)), Coupon("welcome", amount=eur(500))

#: What it shows, lines, coupons, bounds, net, shares, true-up. Minor units of EUR.
STATEMENTS: list[tuple[str, list[int], list[Coupon], Bounds, int, list[int], int]] = [
    ("nothing", [], [], Bounds(), 0, [], 0),
    ("a sum", [1000, 234], [], Bounds(), 1234, [1000, 234], 0),
    ("coupons in their order", [2000, 1000], [TENTH, FIVE], Bounds(), 2200, [1467, 733], 0),
    ("the other order is another sum", [2000, 1000], [FIVE, TENTH], Bounds(), 2250, [1500, 750], 0),
    ("a coupon takes no more than there is", [300], [FIVE, TENTH], Bounds(), 0, [0], 0),
    ("a percentage is rounded where it is taken", [105], [TENTH], Bounds(), 95, [95], 0),
    ("a maximum is spread over the lines", [100, 100, 100], [], Bounds(maximum=eur(100)), 100, [33, 33, 34], 0),
    ("a minimum is a line of its own", [1000], [TENTH], Bounds(minimum=eur(1200)), 1200, [900], 300),
    ("a minimum of nothing used", [0, 0], [], Bounds(minimum=eur(500)), 500, [0, 0], 500),
    ("a line below zero gives nothing", [1000, -200], [FIVE], Bounds(), 300, [500, -200], 0),
    ("a credit note takes no coupon", [-200], [FIVE], Bounds(), -200, [-200], 0),
]


@pytest.mark.parametrize(
    ("lines", "coupons", "bounds", "net", "shares", "true_up"),
    [row[1:] for row in STATEMENTS],
    ids=[row[0] for row in STATEMENTS],
)
def test_statement(
    lines: list[int], coupons: list[Coupon], bounds: Bounds, net: int, shares: list[int], true_up: int
) -> None:
    statement = put_together([line(minor) for minor in lines], "EUR", coupons, bounds)
    assert statement.net == eur(net)
    assert [share.minor for share in statement.shares] == shares
    assert statement.true_up == eur(true_up)
    assert check(statement.formula) == statement.net.value


def test_a_minimum_waits_for_the_end_of_the_period() -> None:
    assert put_together([line(1)], "EUR", bounds=Bounds(minimum=eur(500)), last=False).net == eur(1)


def test_a_line_in_another_currency_is_refused() -> None:
    with pytest.raises(MoneyProblem, match="cannot be put together"):
        put_together([line(1)], "USD")


@pytest.mark.parametrize(("percent", "amount"), [(None, None), (D(10), eur(1)), (None, eur(-1)), (D(101), None)])
def test_a_coupon_that_makes_no_sense_is_refused(percent: D | None, amount: Money | None) -> None:
    with pytest.raises(RatingProblem):
        Coupon("odd", percent, amount)


TODAY = date(2026, 2, 15)
OLD, SOON, NEVER = Credit("old", eur(900), TODAY), Credit("soon", eur(300), date(2026, 2, 16)), Credit("gift", eur(400))

#: What it shows, payable, credits, balance, used, from the balance, due.
SETTLEMENTS: list[tuple[str, int, list[Credit], int, list[int], int, int]] = [
    ("nothing to draw on", 1000, [], 0, [], 0, 1000),
    ("what expires first is used first", 500, [NEVER, SOON], 0, [200, 300], 0, 0),
    ("what has expired is worth nothing", 500, [OLD], 0, [0], 0, 500),
    ("credits, then the balance", 1000, [NEVER, SOON], 200, [400, 300], 200, 100),
    ("the balance is not overdrawn", 1000, [], 300, [], 300, 700),
    ("no more than is payable", 100, [NEVER], 500, [100], 0, 0),
    ("a credit note draws on nothing", -100, [NEVER], 500, [0], 0, -100),
]


@pytest.mark.parametrize(
    ("payable", "credits", "balance", "used", "drawn", "due"),
    [row[1:] for row in SETTLEMENTS],
    ids=[row[0] for row in SETTLEMENTS],
)
def test_settlement(payable: int, credits: list[Credit], balance: int, used: list[int], drawn: int, due: int) -> None:
    settled = settle(eur(payable), credits, eur(balance), TODAY)
    assert ([part.minor for part in settled.used], settled.from_balance, settled.due) == (used, eur(drawn), eur(due))
    if settled.steps:
        assert check(settled.formula) == settled.due.value


def test_a_negative_balance_is_refused() -> None:
    with pytest.raises(RatingProblem, match="is negative"):
        settle(eur(1), [], eur(-1), TODAY)


def test_a_credit_in_another_currency_is_refused() -> None:
    with pytest.raises(MoneyProblem, match=r"^USD and EUR cannot be put together\.$"):
        settle(eur(1), [Credit("gift", Money("USD", 1))], eur(0), TODAY)
