"""Periods, and the answer of `GET /v1/usage`."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley.errors import BadInput
from parley.usage import MINUTE_MS
from parley_billing.core.cover import cover
from parley_billing.core.rollup import DAY_MS, QUARTER_HOUR_MS
from parley_billing.core.usage_report import (
    HOUR_MS,
    LATEST,
    UsageFound,
    UsageQuestion,
    UsageRow,
    answer,
    ask,
    month_of,
)


def ms(*when: int) -> int:
    return int(datetime(*when, tzinfo=UTC).timestamp() * 1000)  # type: ignore[misc,arg-type]


NOW = ms(2026, 11, 23, 16, 14, 26)


def test_without_a_period_it_is_the_current_calendar_month() -> None:
    assert ask({}, NOW) == UsageQuestion(ms(2026, 11, 1), ms(2026, 12, 1), "period")
    assert ask({}, ms(2026, 12, 31, 23, 59)) == UsageQuestion(ms(2026, 12, 1), ms(2027, 1, 1), "period")
    assert month_of(ms(2028, 2, 29)) == (ms(2028, 2, 1), ms(2028, 3, 1))


def test_with_one_end_the_other_is_that_of_the_month() -> None:
    assert ask({"from": str(ms(2026, 11, 20))}, NOW).to_ms == ms(2026, 12, 1)
    assert ask({"to": str(ms(2026, 10, 1))}, NOW).from_ms == ms(2026, 9, 1)


def test_a_period_is_widened_to_whole_minutes_and_no_further() -> None:
    start, end = ms(2026, 11, 20, 10, 14), ms(2026, 11, 20, 10, 16)
    for from_ms, to_ms in ((start, end), (start + 59_999, end - 59_999)):
        question = ask({"from": str(from_ms), "to": str(to_ms)}, NOW)
        assert (question.from_ms, question.to_ms) == (start, end)


def test_an_end_whose_minutes_are_given_up_is_widened_to_whole_quarters() -> None:
    since = ms(2026, 10, 19, 16, 15)
    for (start, end), widened in (
        ((ms(2026, 10, 19, 16, 1), ms(2026, 10, 19, 16, 2)), (ms(2026, 10, 19, 16, 0), since)),
        ((ms(2026, 10, 19, 16, 1), ms(2026, 10, 19, 16, 16)), (ms(2026, 10, 19, 16, 0), ms(2026, 10, 19, 16, 16))),
        ((since, since + MINUTE_MS), (since, since + MINUTE_MS)),
        ((since - QUARTER_HOUR_MS, since), (since - QUARTER_HOUR_MS, since)),
    ):
        kept = UsageQuestion(start, end, "hour").kept(since)
        assert (kept.from_ms, kept.to_ms, kept.by) == (*widened, "hour")


BAD = [
    ("end before start", {"from": "2000", "to": "1000"}),
    ("empty", {"from": "1000", "to": "1000"}),
    ("start after the month", {"from": str(ms(2027, 1, 1))}),
    ("not a number", {"from": "NaN"}),
    ("negative", {"from": "-1"}),
    ("a fraction", {"to": "1.5"}),
    ("too large", {"to": str(2**63)}),
    ("beyond the calendar", {"to": str(LATEST + 1)}),
    ("other digits", {"to": "١٢٣"}),
    ("nothing", {"from": ""}),
    ("unknown split", {"by": "week"}),
    ("empty split", {"by": ""}),
    ("too many hours", {"from": "0", "to": str(NOW), "by": "hour"}),
    ("too many days", {"from": "0", "to": str(NOW), "by": "day"}),
]


@pytest.mark.parametrize("query", [query for _, query in BAD], ids=[name for name, _ in BAD])
def test_a_period_that_makes_no_sense_is_refused_with_what_to_do(query: dict[str, str]) -> None:
    with pytest.raises(BadInput) as refusal:
        ask(query, NOW)
    assert refusal.value.code == "bad-field"
    assert "`" in refusal.value.message or "period" in refusal.value.message


@given(st.integers(0, 150_000), st.one_of(st.integers(1, 40), st.integers(1, 20_000)), st.booleans())
def test_a_cover_has_each_minute_of_the_period_once_in_few_sums(start: int, length: int, by_days: bool) -> None:
    from_ms, to_ms = start * MINUTE_MS, (start + length) * MINUTE_MS
    found = cover(from_ms, to_ms, by_days=by_days)
    (first, end), (first_day, end_day) = found.quarter_hours, found.days
    quarters = [*range(first, first_day, QUARTER_HOUR_MS), *range(end_day, end, QUARTER_HOUR_MS)]
    days = range(first_day, end_day, DAY_MS)
    assert all(quarter % QUARTER_HOUR_MS == 0 for quarter in quarters) and all(day % DAY_MS == 0 for day in days)
    minutes = [
        *found.minutes,
        *(minute for quarter in quarters for minute in range(quarter, quarter + QUARTER_HOUR_MS, MINUTE_MS)),
        *(minute for day in days for minute in range(day, day + DAY_MS, MINUTE_MS)),
    ]
    assert sorted(minutes) == list(range(from_ms, to_ms, MINUTE_MS))
    assert len(found.minutes) <= 28
    assert len(quarters) < 2 * 96 if by_days else not days


def test_the_answer_has_the_form_of_the_wire() -> None:
    question = UsageQuestion(ms(2026, 11, 1), ms(2026, 12, 1), "period")
    rows = [UsageRow(None, "publish", 2, 200), UsageRow(None, "delivery", 3, 300), UsageRow(None, "replay", 5, 50)]
    whole = {
        "pubSubMessageCount": 5,
        "pubSubBandwidth": 500,
        "classes": {
            "publish": {"messages": 2, "bytes": 200},
            "delivery": {"messages": 3, "bytes": 300},
            "presence": {"messages": 0, "bytes": 0},
            "replay": {"messages": 5, "bytes": 50},
        },
    }
    period = {"from": ms(2026, 11, 1), "to": ms(2026, 12, 1)}
    told = {"tenant": "acme", **period, "asOf": NOW, "exactSince": 900_000}
    expected = {**told, **whole, "series": [{**period, **whole}]}
    assert answer("acme", UsageFound(question, NOW, 900_000, rows)) == expected


def test_by_hour_the_series_is_in_order_of_time_and_its_ends_are_those_of_the_period() -> None:
    question = UsageQuestion(ms(2026, 11, 1, 9, 17), ms(2026, 11, 1, 11, 31), "hour")
    starts = [ms(2026, 11, 1, 11), ms(2026, 11, 1, 9)]
    rows = [UsageRow(start, "publish", 1, 1) for start in starts]
    series = answer("acme", UsageFound(question, NOW, 0, rows))["series"]
    assert [(entry["from"], entry["to"]) for entry in series] == [
        (ms(2026, 11, 1, 9, 17), ms(2026, 11, 1, 10)),
        (ms(2026, 11, 1, 11), ms(2026, 11, 1, 11, 31)),
    ]
    assert question.step == HOUR_MS


def test_by_site_the_largest_comes_first_and_the_rest_last() -> None:
    question = UsageQuestion(ms(2026, 11, 1), ms(2026, 12, 1), "site")
    rows = [
        UsageRow(None, "delivery", 1, 900),
        UsageRow("", "delivery", 1, 10),
        UsageRow("https://a.test", "delivery", 1, 20),
    ]
    found = answer("acme", UsageFound(question, NOW, 0, rows))
    assert [entry["site"] for entry in found["series"]] == ["https://a.test", "", None]
    assert found["pubSubBandwidth"] == 930
