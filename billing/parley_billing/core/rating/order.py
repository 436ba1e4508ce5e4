"""A calculation as a list of named steps, and following it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

from parley_billing.core.rating.amount import Amount

W = TypeVar("W")


@dataclass(frozen=True, slots=True)
class Step:
    """One step that was taken: its name, and the value after it with the formula from the value before it."""

    name: str
    amount: Amount

    def __str__(self) -> str:
        return f"{self.name}: {self.amount.formula}"


#: Each entry's name, and what it makes of the work so far: an amount, steps with names of their own, or nothing.
Order: TypeAlias = Sequence[tuple[str, Callable[[W], Amount | list[Step] | None]]]


def follow(order: Order[W], work: W, take: Callable[[W, Amount], W]) -> tuple[W, tuple[Step, ...]]:
    """The work after all steps, and those that were taken. `take` puts a step's amount into the work."""
    taken = list[Step]()
    for name, step in order:
        made = step(work)
        if isinstance(made, Amount):
            made = [Step(name, made)]
        for one in made or ():
            work = take(work, one.amount)
            taken.append(one)
    return work, tuple(taken)


def formula_of(steps: Sequence[Step]) -> str:
    """All steps, in order."""
    return "; ".join(map(str, steps))
