"""What a tenant used in a period: the question, checked, and the answer, put together."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, TypeAlias, get_args

from parley.errors import BadInput
from parley.usage import MINUTE_MS, PUBSUB_CLASSES, USAGE_CLASSES, UsageClass
from parley_billing.core.cover import Cover, cover, round_down, round_up
from parley_billing.core.rollup import DAY_MS, QUARTER_HOUR_MS

By: TypeAlias = Literal["period", "day", "hour", "site"]

HOUR_MS = 60 * 60_000
#: ms since the epoch: 1 January 9999.
LATEST = 253_370_764_800_000
#: ms by which the asker's clock may be ahead of ours before what it calls now is the future.
CLOCKS_APART = 5 * MINUTE_MS
#: Longest period by kind of series, in ms: at most 2,208 hours or 1,100 days in one answer.
LONGEST: dict[By, int] = {"hour": 92 * DAY_MS, "day": 1_100 * DAY_MS}
#: Entries of a series by site, those with the most bytes; the others come as one entry with `site` null.
SITES_MOST = 1_000


@dataclass(frozen=True, slots=True)
class UsageQuestion:
    """A half-open period in ms since the epoch, whole minutes, and how to split it."""

    from_ms: int
    to_ms: int
    by: By

    def kept(self, exact_since: int) -> "UsageQuestion":
        """As it can be answered: an end before `exact_since` (ms, a whole quarter) is widened to whole quarters."""
        from_ms = round_down(self.from_ms, QUARTER_HOUR_MS) if self.from_ms < exact_since else self.from_ms
        to_ms = round_up(self.to_ms, QUARTER_HOUR_MS) if self.to_ms < exact_since else self.to_ms
        return UsageQuestion(from_ms, to_ms, self.by)

    @property
    def cover(self) -> Cover:
        """The sums that make it up: none is longer than an entry of the series."""
        return cover(self.from_ms, self.to_ms, by_days=self.by != "hour")

    @property
    def step(self) -> int:
        """Length of one entry of the series, in ms; 0 when it is not split by time."""
        return {"hour": HOUR_MS, "day": DAY_MS}.get(self.by, 0)


@dataclass(frozen=True, slots=True)
class UsageRow:
    """A sum from the ledger. `part` is where an entry of the series begins, or its site (None: the other sites)."""

    part: int | str | None
    usage_class: UsageClass
    messages: int
    bytes: int


@dataclass(frozen=True, slots=True)
class UsageFound:
    """What the ledger says at one moment. `question` is what was summed; times are ms since the epoch.

    What gateways had handed over by `as_of` is in it; a period's ends since `exact_since` are exact to the minute.
    """

    question: UsageQuestion
    as_of: int
    exact_since: int
    rows: list[UsageRow]


def ask(query: Mapping[str, str], now_ms: int) -> UsageQuestion:
    """The question in a request's query. Raises `BadInput` when it makes no sense.

    Without `from` and `to` it is the current calendar month (UTC). A period is widened to whole minutes.
    """
    by = query.get("by", "period")
    if by not in get_args(By):
        raise BadInput("bad-field", "`by` must be `period`, `day`, `hour` or `site`.")
    to_ms = _time(query, "to")
    from_ms = _time(query, "from")
    if to_ms is None:
        to_ms = month_of(now_ms)[1]
    if from_ms is None:
        from_ms = month_of(max(0, to_ms - 1))[0]
    if from_ms >= to_ms:
        raise BadInput("bad-field", "`from` must be before `to`.")
    if from_ms > now_ms + CLOCKS_APART:
        raise BadInput("bad-field", "The period begins in the future: nothing can have been used in it.")
    from_ms, to_ms = round_down(from_ms, MINUTE_MS), round_up(to_ms, MINUTE_MS)
    question = UsageQuestion(from_ms, to_ms, by)  # type: ignore[arg-type]
    longest = LONGEST.get(question.by)
    if longest is not None and to_ms - from_ms > longest:
        raise BadInput("bad-field", f"By {by}, a period is at most {longest // DAY_MS} days long.")
    return question


def answer(tenant: str, found: UsageFound) -> dict[str, Any]:
    """The answer as the protocol has it. The entries of the series add up to the totals."""
    question, total = found.question, _none()
    parts: dict[int | str | None, _Classes] = {}
    for row in found.rows:
        for classes in (total, parts.setdefault(row.part, _none())):
            classes[row.usage_class][0] += row.messages
            classes[row.usage_class][1] += row.bytes
    return {
        "tenant": tenant,
        "from": question.from_ms,
        "to": question.to_ms,
        "asOf": found.as_of,
        "exactSince": found.exact_since,
        **_sums(total),
        "series": [{**_name(question, part), **_sums(parts[part])} for part in _in_order(question, parts)],
    }


def month_of(time_ms: int) -> tuple[int, int]:
    """Start and end of the calendar month (UTC) with this time in it, in ms since the epoch."""
    then = datetime.fromtimestamp(time_ms / 1000, UTC)
    start = datetime(then.year, then.month, 1, tzinfo=UTC)
    end = datetime(then.year + then.month // 12, then.month % 12 + 1, 1, tzinfo=UTC)
    return round(start.timestamp()) * 1000, round(end.timestamp()) * 1000


_Classes: TypeAlias = dict[UsageClass, list[int]]


def _none() -> _Classes:
    return {usage_class: [0, 0] for usage_class in USAGE_CLASSES}


def _sums(classes: _Classes) -> dict[str, Any]:
    return {
        "pubSubMessageCount": sum(classes[usage_class][0] for usage_class in PUBSUB_CLASSES),
        "pubSubBandwidth": sum(classes[usage_class][1] for usage_class in PUBSUB_CLASSES),
        "classes": {
            usage_class: {"messages": messages, "bytes": size} for usage_class, (messages, size) in classes.items()
        },
    }


def _name(question: UsageQuestion, part: int | str | None) -> dict[str, Any]:
    if question.by == "site":
        return {"site": part}
    if isinstance(part, int) and question.step:
        start = max(part, question.from_ms)
        return {"from": start, "to": min(part + question.step, question.to_ms)}
    return {"from": question.from_ms, "to": question.to_ms}


def _in_order(question: UsageQuestion, parts: dict[int | str | None, _Classes]) -> list[int | str | None]:
    """By time; sites with the most bytes first, and what is no single site last."""
    if question.by != "site":
        return sorted(parts, key=lambda part: part if isinstance(part, int) else 0)

    def weight(part: int | str | None) -> tuple[bool, int, str]:
        return (part is None, -sum(size for _, size in parts[part].values()), str(part))

    return sorted(parts, key=weight)


def _time(query: Mapping[str, str], name: str) -> int | None:
    text = query.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 15 and int(text) <= LATEST):
        raise BadInput("bad-field", f"`{name}` must be a whole number of milliseconds since 1970-01-01, UTC.")
    return int(text)
