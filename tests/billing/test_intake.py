"""What may be booked, what is refused, and that the ledger's sum is that of the distinct records."""

from collections import Counter
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley.limits import SITE_NAME
from parley.usage import MINUTE_MS, UsageLine, UsageRecord, encode_record
from parley_billing.core.columns import Columns
from parley_billing.core.confirmations import advance
from parley_billing.core.intake import COUNT_MOST, TIME_MOST, RecordId, against, take_in
from parley_billing.core.rollup import (
    DAY_MS,
    MINUTES_KEPT_DAYS,
    QUARTER_HOUR_MS,
    Sums,
    exact_since_at,
    fold,
)

NOW = 1_795_427_200_000


def line(**changes: Any) -> UsageLine:
    fields: dict[str, Any] = {
        "tenant": "acme", "site": "https://a.test", "usage_class": "delivery",
        "minute": NOW // MINUTE_MS * MINUTE_MS, "messages": 3, "bytes": 300,
    }  # fmt: skip
    return UsageLine(**{**fields, **changes})


def record(number: int = 1, *lines: UsageLine, run: str = "r1", sealed_at: int = NOW) -> UsageRecord:
    return UsageRecord(run, number, sealed_at, list(lines) or [line()])


BAD_LINES = [
    ("negative messages", line(messages=-1)),
    ("negative bytes", line(bytes=-1)),
    ("absurd messages", line(messages=COUNT_MOST)),
    ("absurd bytes", line(bytes=2**63)),
    ("a time within a minute", line(minute=NOW + 1)),
    ("a time before 1970", line(minute=-MINUTE_MS)),
    ("a time far ahead", line(minute=TIME_MOST // MINUTE_MS * MINUTE_MS + MINUTE_MS)),
    ("no tenant", line(tenant="")),
    ("a long tenant", line(tenant="a" * 64)),
    ("NUL in the tenant", line(tenant="a\0b")),
    ("a long site", line(site="a" * (SITE_NAME.default + 1))),
    ("NUL in the site", line(site="a\0b")),
]


@pytest.mark.parametrize("bad", [bad for _, bad in BAD_LINES], ids=[name for name, _ in BAD_LINES])
def test_a_record_with_an_impossible_line_is_refused_whole_and_its_number_settled(bad: UsageLine) -> None:
    wrong = record(1, line(), bad)
    intake = take_in([encode_record(wrong)])
    assert intake.settled == {("r1", 1)} == set(intake.arrived)
    assert [(each.run, each.number) for each in intake.refused] == [("r1", 1)]
    assert intake.bad == 1


@pytest.mark.parametrize(
    "body",
    [
        b"", b"\xc1", b"nonsense", encode_record(record())[:-1], encode_record(record()) + b"\0",
        encode_record(record()).replace(b"acme", b"ac\xed\xa0"),
        encode_record(record(run="")), encode_record(record(run="a" * 65)), encode_record(record(run="a\0")),
        encode_record(record(0)), encode_record(record(-1)), encode_record(record(2**53)),
        encode_record(record()).replace(b"delivery", b"delivers"),
        b"\x81" * 5_000,
    ],
)  # fmt: skip
def test_bytes_that_are_no_record_are_refused_and_kept(body: bytes) -> None:
    intake = take_in([body, encode_record(record())])
    assert set(intake.arrived) == {("r1", 1)}
    assert [(each.run, each.number, each.body) for each in intake.refused] == [("", 0, body)]
    assert (intake.bad, intake.settled) == (1, set())


def test_a_repeat_is_no_conflict_and_the_first_of_two_contents_wins() -> None:
    first, other = record(1), record(1, line(messages=4))
    intake = take_in([encode_record(first), encode_record(first), encode_record(other)])
    assert [each.record for each in against(intake, {})] == [first]
    assert (intake.repeats, intake.conflicts) == (1, 1)
    assert [each.digest for each in intake.refused] == [other.digest()]


def test_against_the_ledger_a_repeat_is_no_conflict_and_another_content_is() -> None:
    first, other = record(1), record(1, line(messages=4))
    held = {("r1", 1): first.digest()}
    repeat, conflict = take_in([encode_record(first)]), take_in([encode_record(other)])
    assert against(repeat, held) == [] == against(conflict, held)
    assert (repeat.repeats, repeat.conflicts, repeat.refused) == (1, 0, [])
    assert (conflict.repeats, conflict.conflicts, len(conflict.refused)) == (0, 1, 1)


def test_what_the_ledger_holds_is_a_repeat_even_behind_another_content_in_the_same_batch() -> None:
    held, other = record(1), record(1, line(messages=4))
    intake = take_in([encode_record(other), encode_record(held)])
    assert against(intake, {("r1", 1): held.digest()}) == []
    assert (intake.repeats, [each.digest for each in intake.refused]) == (1, [other.digest()])


def test_a_refused_record_that_comes_again_is_a_repeat() -> None:
    wrong = record(1, line(messages=-1))
    again = take_in([encode_record(wrong)])
    assert against(again, {wrong_id(wrong): wrong.digest()}) == []
    assert (again.repeats, again.bad) == (1, 0)


def wrong_id(wrong: UsageRecord) -> RecordId:
    return (wrong.run, wrong.number)


@given(st.integers(0, 20), st.lists(st.integers(1, 30)))
def test_a_confirmation_never_passes_a_hole(confirmed: int, numbers: list[int]) -> None:
    there = {*range(1, confirmed + 1), *numbers}
    expected = next(number for number in range(32) if number + 1 not in there)
    assert advance(confirmed, [number for number in numbers if number > confirmed]) == expected
    assert advance(confirmed, numbers) == expected


lines = st.builds(
    UsageLine,
    st.sampled_from(["acme", "globex"]),
    st.sampled_from(["", "https://a.test"]),
    st.sampled_from(["publish", "delivery", "presence", "replay"]),
    st.integers(0, 3_000).map(lambda minute: NOW // MINUTE_MS * MINUTE_MS - minute * MINUTE_MS),
    st.integers(0, 1_000),
    st.integers(0, 1_000_000),
)


@given(st.lists(st.lists(lines, max_size=5), max_size=12), st.randoms(use_true_random=False))
def test_order_and_grouping_of_records_make_no_difference_to_any_sum(content: list[Any], random: Any) -> None:
    records = [UsageRecord("r", number, NOW, each) for number, each in enumerate(content, 1)]
    whole = fold(records)
    random.shuffle(records)
    cut = random.randint(0, len(records))
    parts = [fold(records[:cut]), fold(records[cut:])]
    all_lines = [each for every in content for each in every]
    for name, step in (("minutes", MINUTE_MS), ("quarter_hours", QUARTER_HOUR_MS), ("days", DAY_MS)):
        expected: Counter[Any] = Counter()
        for each in all_lines:
            key = (each.minute // step * step, (each.tenant, each.site, each.usage_class))
            expected[*key, "messages"] += each.messages
            expected[*key, "bytes"] += each.bytes
        assert flat(getattr(whole, name)) == +expected
        assert flat(getattr(parts[0], name)) + flat(getattr(parts[1], name)) == +expected
    totals: Counter[Any] = Counter()
    for each in all_lines:
        totals[each.tenant, each.usage_class] += each.bytes
    assert +Counter({key: size for key, (_, size) in whole.totals.items()}) == +totals


def flat(sums: dict[int, Sums]) -> "Counter[Any]":
    counted: Counter[Any] = Counter()
    for start, at_once in sums.items():
        for key, (messages, size) in at_once.items():
            counted[start, key, "messages"] += messages
            counted[start, key, "bytes"] += size
    return +counted


def test_minutes_long_ago_have_no_sum_of_their_own_and_count_all_the_same() -> None:
    since = exact_since_at(NOW)
    assert since % QUARTER_HOUR_MS == 0 < NOW - since - MINUTES_KEPT_DAYS * DAY_MS < QUARTER_HOUR_MS
    rollup = fold([record(1, line(minute=since - MINUTE_MS), line(minute=since))], since)
    assert set(rollup.minutes) == {since}
    assert set(rollup.quarter_hours) == {since - QUARTER_HOUR_MS, since}
    assert rollup.totals == {("acme", "delivery"): [6, 600]}
    assert exact_since_at(0) == 0


@given(st.lists(lines, max_size=30))
def test_the_columns_of_a_statement_are_the_sums_in_order(content: list[UsageLine]) -> None:
    rollup = fold([record(1, *content)])
    columns = Columns()
    for sums in (rollup.minutes, rollup.quarter_hours, rollup.days):
        rows = list(zip(*columns.of(sums), strict=True))
        assert rows == sorted((start, *key, *counted) for start, part in sums.items() for key, counted in part.items())


class Ledger:
    """The ledger store's contract in memory: a batch is booked whole or not at all."""

    def __init__(self) -> None:
        self.digests: dict[RecordId, bytes] = {}
        self.booked: list[UsageRecord] = []
        self.flagged: set[bytes] = set()
        self.confirmed: dict[str, int] = {}

    def book(self, bodies: list[bytes]) -> None:
        intake = take_in(bodies)
        new = against(intake, self.digests)
        self.digests |= {each.id: each.digest for each in new}
        self.flagged |= {each.digest for each in intake.refused}
        self.booked += [each.record for each in new if each.id not in intake.settled]
        for run in {run for run, _ in intake.arrived}:
            above = [number for of_run, number in self.digests if of_run == run]
            self.confirmed[run] = advance(self.confirmed.get(run, 0), above)


@given(
    st.lists(st.tuples(st.sampled_from(["r1", "r2"]), st.integers(1, 8), st.integers(0, 1)), max_size=40),
    st.lists(st.tuples(st.integers(1, 6), st.sampled_from(["booked", "before", "after"])), max_size=40),
)
def test_whatever_is_repeated_reordered_altered_or_lost_the_ledger_has_each_record_once(
    arrivals: list[tuple[str, int, int]], fates: list[tuple[int, str]]
) -> None:
    """`before` and `after`: billing dies before its commit, or after it and before it deleted the entries."""
    ledger = Ledger()
    stream = [
        encode_record(record(number, line(messages=number, bytes=variant), run=run))
        for run, number, variant in arrivals
    ]
    sent = list(stream)
    accepted: dict[RecordId, bytes] = {}
    for size, fate in [*fates, *[(6, "booked")] * len(stream)]:
        batch = stream[:size]
        if fate != "before":
            ledger.book(batch)
            for body in batch:
                (each,) = take_in([body]).arrived.values()
                accepted.setdefault(each.id, body)
        if fate == "booked":
            del stream[:size]
        for run, number in ledger.confirmed.items():
            assert all((run, n) in ledger.digests for n in range(1, number + 1))
            assert (run, number + 1) not in ledger.digests
    assert Counter(map(encode_record, ledger.booked)) == Counter(accepted.values())
    assert ledger.flagged == {sha256(body).digest() for body in sent} - {
        sha256(body).digest() for body in accepted.values()
    }
