"""Sums are equal to those of the records exactly when nothing was changed; what was changed is named."""

from collections.abc import Callable
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley.usage import MINUTE_MS, USAGE_CLASSES, UsageLine, UsageRecord, encode_record
from parley_billing.core.reconciliation import (
    LEVELS,
    Comparison,
    Differences,
    Entry,
    Gathering,
    Level,
    Scope,
    at_level,
    merged,
    next_night,
)
from parley_billing.core.rollup import DAY_MS, QUARTER_HOUR_MS, Rollup, fold

NOON = 1_795_449_600_000
MIDNIGHT = NOON - NOON % DAY_MS

lines = st.builds(
    UsageLine,
    st.sampled_from(["acme", "acme-2", "globex", "Ω", "𝔸", "\uffff"]),
    st.sampled_from(["", "https://a.test", "https://b.test"]),
    st.sampled_from(USAGE_CLASSES),
    st.integers(0, 4_000).map(lambda minute: NOON - minute * MINUTE_MS),
    st.integers(0, 100),
    st.integers(0, 10_000),
)
records = st.lists(st.lists(lines, max_size=6), max_size=8).map(
    lambda content: [UsageRecord("r", number, NOON, each) for number, each in enumerate(content, 1)]
)
exact = st.integers(0, 280).map(lambda quarters: NOON - quarters * QUARTER_HOUR_MS)


def tables(rollup: Rollup) -> dict[str, list[Entry]]:
    """The tables as the ledger has them after this rollup: in the order of their keys."""
    found: dict[str, list[Entry]] = {}
    for level, of_level in zip(LEVELS, (rollup.minutes, rollup.quarter_hours, rollup.days), strict=False):
        found[level.table] = [
            ((tenant, start, site, usage_class), messages, size)
            for start, sums in of_level.items()
            for (tenant, site, usage_class), (messages, size) in sums.items()
        ]
    found["usage_totals"] = [
        ((tenant, 0, "", usage_class), messages, size)
        for (tenant, usage_class), (messages, size) in rollup.totals.items()
    ]
    # The order that Postgres has with the collation "C": that of the bytes.
    by_bytes: Callable[[Entry], Any] = lambda entry: tuple(  # noqa: E731
        part.encode() if isinstance(part, str) else part for part in entry[0]
    )
    return {table: sorted(entries, key=by_bytes) for table, entries in found.items()}


def compare(
    kept: list[UsageRecord], held: dict[str, list[Entry]], exact_since: int, spill_at: int = 7, chunk: int = 3
) -> tuple[Differences, list[bytes]]:
    differences, digests = Differences(1_000), []
    gathering = Gathering(Scope(), exact_since, differences)
    parts = []
    for record in kept:
        body = encode_record(record)
        gathering.add(record.run, record.number, sha256(body).digest(), body)
        if len(gathering) >= spill_at:
            parts.append(gathering.drain())
    parts.append(gathering.drain())
    for level in LEVELS:
        comparison = Comparison(level, at_level(level, merged(parts), exact_since), differences)
        rows = held[level.table]
        for place in range(0, len(rows), chunk):
            comparison.take(rows[place : place + chunk])
        comparison.finish()
        assert comparison.rows == len(rows)
        digests.append(comparison.digest)
    return differences, digests


@given(records, exact, st.integers(1, 20), st.integers(1, 5), st.randoms(use_true_random=False))
def test_the_sums_of_the_records_are_equal_to_them_in_whatever_order_and_parts(
    kept: list[UsageRecord], exact_since: int, spill_at: int, chunk: int, random: Any
) -> None:
    held = tables(fold(kept, exact_since))
    differences, digests = compare(kept, held, exact_since, spill_at, chunk)
    assert (differences.number, differences.first) == (0, [])
    random.shuffle(kept)
    assert compare(kept, held, exact_since, 3)[1] == digests


@given(records.filter(lambda kept: any(each.lines for each in kept)), exact, st.data())
def test_any_single_sum_that_is_changed_removed_or_made_up_is_found_and_named(
    kept: list[UsageRecord], exact_since: int, data: st.DataObject
) -> None:
    held = tables(fold(kept, exact_since))
    level = data.draw(st.sampled_from([level for level in LEVELS if held[level.table]]))
    rows = held[level.table]
    place = data.draw(st.integers(0, len(rows) - 1))
    key, messages, size = rows[place]
    by = data.draw(st.integers(-3, 3).filter(bool))
    how = data.draw(st.sampled_from(["messages", "bytes", "both", "removed", "elsewhere"]))
    expected: dict[str, int] | None = {"messages": messages, "bytes": size}
    found: dict[str, int] | None = None
    if how == "removed":
        del rows[place]
    elif how == "elsewhere":
        key = (key[0] + "\0", *key[1:])  # right behind the row, and there is no such tenant
        rows.insert(place + 1, (key, 1, 0))
        rows.sort()
        expected, found = None, {"messages": 1, "bytes": 0}
    else:
        changed = (messages + by * (how != "bytes"), size + by * (how != "messages"))
        rows[place] = (key, *changed)
        found = {"messages": changed[0], "bytes": changed[1]}
    differences, _ = compare(kept, held, exact_since)
    if how == "removed" and not messages and not size:
        assert differences.number == 0, "a sum of nothing needs no row"
        return
    assert differences.number == 1
    (only,) = differences.first
    assert (only.table, only.expected, only.found) == (level.table, expected, found)
    assert only.key == named(level, key)


def named(level: Level, key: tuple[str, int, str, str]) -> dict[str, Any]:
    tenant, start, site, usage_class = key
    if level.step is None:
        return {"tenant": tenant, "class": usage_class}
    return {"tenant": tenant, "start": start, "site": site, "class": usage_class}


@given(records.filter(lambda kept: any(line.bytes for each in kept for line in each.lines)), exact, st.data())
def test_a_record_that_is_gone_or_is_there_twice_is_found_at_each_level(
    kept: list[UsageRecord], exact_since: int, data: st.DataObject
) -> None:
    held = tables(fold(kept, exact_since))
    one = data.draw(st.sampled_from([each for each in kept if any(line.bytes for line in each.lines)]))
    others = [each for each in kept if each is not one]
    for wrong in (others, [*kept, one]):
        differences, _ = compare(wrong, held, exact_since)
        assert {each.table for each in differences.first} >= {"usage_quarter_hours", "usage_days", "usage_totals"}


def test_a_changed_or_broken_body_is_named_by_its_record() -> None:
    body = encode_record(UsageRecord("r", 1, NOON, [UsageLine("acme", "", "publish", NOON, 1, 10)]))
    digest = sha256(body).digest()
    for kept, run in ((body[:-1], "r"), (body.replace(b"acme", b"acne"), "r"), (body, "other")):
        differences = Differences(5)
        Gathering(Scope(), 0, differences).add(run, 1, digest, kept)
        (only,) = differences.first
        assert (only.table, only.key) == ("usage_records", {"run": run, "number": 1})
        assert only.expected == {"digest": digest.hex()}
        assert only.found == {"digest": sha256(kept).hexdigest()}


def test_all_differences_are_counted_and_the_first_are_kept() -> None:
    differences = Differences(2)
    rows: list[Entry] = [((f"t{n}", 0, "", "publish"), 1, 1) for n in range(5)]
    comparison = Comparison(LEVELS[-1], iter(()), differences)
    comparison.take(rows)
    assert (differences.number, [each.key["tenant"] for each in differences.first]) == (5, ["t0", "t1"])


@pytest.mark.parametrize(
    ("scope", "counted"),
    [
        (Scope(), 3), (Scope("acme"), 2), (Scope(from_ms=MIDNIGHT), 2), (Scope(to_ms=MIDNIGHT), 1),
        (Scope("acme", MIDNIGHT, MIDNIGHT + DAY_MS), 1), (Scope("nobody"), 0),
    ],
)  # fmt: skip
def test_a_scope_takes_its_tenant_and_its_days(scope: Scope, counted: int) -> None:
    body = encode_record(
        UsageRecord(
            "r", 1, NOON,
            [
                UsageLine("acme", "", "publish", MIDNIGHT, 1, 10), UsageLine("globex", "", "publish", MIDNIGHT, 1, 10),
                UsageLine("acme", "", "publish", MIDNIGHT - MINUTE_MS, 1, 10),
            ],
        )
    )  # fmt: skip
    gathering = Gathering(scope, 0, Differences(1))
    gathering.add("r", 1, sha256(body).digest(), body)
    assert gathering.lines == counted
    assert ("usage_totals" in {level.table for level in scope.levels}) == (scope.from_ms is None is scope.to_ms)


def test_the_next_night_is_the_next_time_at_which_it_is_that_hour() -> None:
    two = MIDNIGHT + 2 * 3_600_000
    assert next_night(MIDNIGHT, 2) == two == next_night(two - 1, 2)
    assert next_night(two, 2) == two + DAY_MS == next_night(NOON, 2)
