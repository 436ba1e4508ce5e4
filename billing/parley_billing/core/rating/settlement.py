"""What pays for an invoice before money does: credits first, then the prepaid balance.

Both are payments, not discounts: they come after tax and change neither the net amount nor the tax.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from parley.money import Money, plain, total
from parley_billing.core.rating.amount import Amount, RatingProblem
from parley_billing.core.rating.order import Step


@dataclass(frozen=True, slots=True)
class Credit:
    """What is left of a grant. `expires` is the first day on which it is worth nothing; None: never."""

    name: str
    left: Money
    expires: date | None = None


@dataclass(frozen=True, slots=True)
class Settlement:
    """`used`: of each credit, in the order they were given. Always: Σ `used` + `from_balance` + `due` = payable."""

    used: tuple[Money, ...]
    from_balance: Money
    due: Money
    steps: tuple[Step, ...]

    @property
    def formula(self) -> str:
        """All steps, in order."""
        return "; ".join(str(step) for step in self.steps)


def settle(payable: Money, credits: Sequence[Credit], balance: Money, day: date) -> Settlement:
    """Draw on credits, the one that expires first before the others, then on the balance, never more than is payable.

    Nothing is drawn for a negative amount (a credit note). Raises `RatingProblem` when a credit or the balance is
    negative, `MoneyProblem` on another currency.
    """
    zero = Money(payable.currency, 0)
    if any(credit.left < zero for credit in credits) or balance < zero:
        raise RatingProblem("A credit or the prepaid balance is negative.")
    due, used, steps = payable, [zero] * len(credits), list[Step]()
    for number in sorted(range(len(credits)), key=lambda number: credits[number].expires or date.max):
        credit = credits[number]
        if credit.expires is None or day < credit.expires:
            used[number] = _draw(credit.left, due)
            due = _take(steps, f"credit {credit.name}", due, used[number])
    from_balance = _draw(balance, due)
    due = _take(steps, "prepaid balance", due, from_balance)
    assert total(payable.currency, [*used, from_balance, due]) == payable
    return Settlement(tuple(used), from_balance, due, tuple(steps))


def _draw(left: Money, due: Money) -> Money:
    return max(min(left, due), Money(due.currency, 0))


def _take(steps: list[Step], name: str, due: Money, part: Money) -> Money:
    if not part.minor:
        return due
    rest = due - part
    steps.append(Step(name, Amount(rest.value, f"{plain(due.value)} − {plain(part.value)}")))
    return rest
