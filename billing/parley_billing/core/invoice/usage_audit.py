"""What invoices say was used, against the records: each counted up to the batch that the invoice was made at."""

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field

from parley.usage import UsageLine
from parley_billing.core.period_usage import metered
from parley_billing.core.reconciliation import Difference, Differences


@dataclass(slots=True)
class Claim:
    """A part of an invoice's period, [`from_ms`, `to_ms`): `said` by meter, counted up to batch `cutoff`."""

    tenant: str
    number: str
    from_ms: int
    to_ms: int
    cutoff: int
    said: dict[str, int]
    sums: dict[str, list[int]] = field(default_factory=dict)


class UsageAudit:
    """`add` every record that counts, in any order, then `finish`."""

    def __init__(self, claims: Iterable[Claim]) -> None:
        self._claims: dict[str, list[Claim]] = {}
        for claim in sorted(claims, key=lambda one: one.from_ms):
            self._claims.setdefault(claim.tenant, []).append(claim)
        self._starts = {tenant: [one.from_ms for one in claims] for tenant, claims in self._claims.items()}

    @property
    def number(self) -> int:
        """Parts of periods that are compared."""
        return sum(map(len, self._claims.values()))

    def add(self, batch: int, lines: Iterable[UsageLine]) -> None:
        for line in lines:
            claims = self._claims.get(line.tenant)
            if claims is None:
                continue
            for claim in claims[: bisect_right(self._starts[line.tenant], line.minute)]:
                if line.minute < claim.to_ms and batch <= claim.cutoff:
                    held = claim.sums.setdefault(line.usage_class, [0, 0])
                    held[0] += line.messages
                    held[1] += line.bytes

    def finish(self, differences: Differences) -> None:
        for claims in self._claims.values():
            for claim in claims:
                counted = {name: (held[0], held[1]) for name, held in claim.sums.items()}
                found = {str(meter): value for meter, value in metered(counted).items()}  # type: ignore[arg-type]
                if found != claim.said:
                    key: dict[str, str | int] = {"tenant": claim.tenant, "number": claim.number, "start": claim.from_ms}
                    differences.add(Difference("invoices", key, {**found}, {**claim.said}))
