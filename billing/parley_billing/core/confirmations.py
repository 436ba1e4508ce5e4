"""How far a run is confirmed: the highest number such that it and all before it are in the ledger."""

from collections.abc import Iterable


def advance(confirmed: int, numbers: Iterable[int]) -> int:
    """The new value, given the old one and the numbers in the ledger above it (in any order). Stops at a hole."""
    for number in sorted(numbers):
        if number == confirmed + 1:
            confirmed = number
        elif number > confirmed:
            break
    return confirmed
