"""The ledger's totals as Prometheus text, built from pieces that change only when their tenant's totals do."""

from parley.metrics import PUBSUB_BYTES, PUBSUB_MESSAGES, Metric
from parley.usage import USAGE_CLASSES, UsageClass

#: Tenants with series of their own: eight series each. Beyond it Prometheus itself becomes slow; the rest are summed
#: under `OTHER`. Who has its own series is decided by the order of first usage, for good, so no series ever falls.
TENANTS_MOST = 20_000
#: No tenant can have this name.
OTHER = "_other"


class Exposition:
    """Counters by tenant and class. `put` what changed, `text` whenever it is asked for."""

    def __init__(self) -> None:
        self._totals: dict[tuple[str, UsageClass], tuple[int, int]] = {}
        self._other: dict[UsageClass, tuple[int, int]] = {}
        self._pieces: tuple[dict[str, str], dict[str, str]] = ({}, {})
        self._stale: set[str] = set()
        self._text: bytes | None = None

    def put(self, tenant: str, ordinal: int, usage_class: UsageClass, messages: int, bytes: int) -> None:
        """A tenant's total of one class is now this. `ordinal` counts tenants from 1, by first usage."""
        before = self._totals.get((tenant, usage_class), (0, 0))
        if before == (messages, bytes):
            return
        self._totals[tenant, usage_class] = (messages, bytes)
        if ordinal > TENANTS_MOST:
            held = self._other.get(usage_class, (0, 0))
            self._other[usage_class] = (held[0] + messages - before[0], held[1] + bytes - before[1])
            tenant = OTHER
        self._stale.add(tenant)
        self._text = None

    def text(self) -> bytes:
        """All series, in the text format that Prometheus and `Metrics.text` use."""
        for tenant in self._stale:
            self._render(tenant)
        self._stale.clear()
        if self._text is None:
            families = zip((PUBSUB_MESSAGES, PUBSUB_BYTES), self._pieces, strict=True)
            self._text = "".join(head(metric) + "".join(pieces.values()) for metric, pieces in families).encode()
        return self._text

    def _render(self, tenant: str) -> None:
        named = label(tenant)
        for place, metric in enumerate((PUBSUB_MESSAGES, PUBSUB_BYTES)):
            lines = []
            for usage_class in USAGE_CLASSES:
                total = self._other.get(usage_class) if tenant == OTHER else self._totals.get((tenant, usage_class))
                if total is not None:
                    lines.append(f'{metric.name}{{tenant="{named}",class="{usage_class}"}} {total[place]}\n')
            self._pieces[place][tenant] = "".join(lines)


def label(value: str) -> str:
    """A label's value as the text format has it."""
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def head(metric: Metric) -> str:
    """The two lines before a family's series."""
    return f"# HELP {metric.name} {metric.help}\n# TYPE {metric.name} {metric.kind}\n"
