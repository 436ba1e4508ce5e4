"""Periods, and the answer of `GET /v1/usage`."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley.errors import BadInput
from parley_billing.core.rollup import DAY_MS, QUARTER_HOUR_MS
from parley_billing.core.usage_report import HOUR_MS, LATEST, UsageQuestion, UsageRow, answer, ask, month_of


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


def test_a_period_is_widened_to_whole_quarters_of_an_hour() -> None:
    question = ask({"from": str(ms(2026, 11, 20, 10, 14)), "to": str(ms(2026, 11, 20, 10, 16))}, NOW)
    assert (question.from_ms, question.to_ms) == (ms(2026, 11, 20, 10, 0), ms(2026, 11, 20, 10, 30))


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


@given(st.integers(0, 10_000), st.integers(1, 10_000))
def test_whole_days_and_the_rest_make_up_the_period(start: int, length: int) -> None:
    question = UsageQuestion(start * QUARTER_HOUR_MS, (start + length) * QUARTER_HOUR_MS, "period")
    first, end = question.whole_days
    assert question.from_ms <= first <= end <= question.to_ms
    assert first == end or (first % DAY_MS == 0 == end % DAY_MS)
    rest = (first - question.from_ms) + (question.to_ms - end)
    assert rest < 2 * DAY_MS
    assert rest + (end - first) == question.to_ms - question.from_ms


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
    expected = {"tenant": "acme", **period, "asOf": NOW, **whole, "series": [{**period, **whole}]}
    assert answer("acme", question, NOW, rows) == expected


def test_by_hour_the_series_is_in_order_of_time_and_its_ends_are_those_of_the_period() -> None:
    question = UsageQuestion(ms(2026, 11, 1, 9, 15), ms(2026, 11, 1, 11, 30), "hour")
    starts = [ms(2026, 11, 1, 11), ms(2026, 11, 1, 9)]
    series = answer("acme", question, NOW, [UsageRow(s, "publish", 1, 1) for s in starts])["series"]
    assert [(entry["from"], entry["to"]) for entry in series] == [
        (ms(2026, 11, 1, 9, 15), ms(2026, 11, 1, 10)),
        (ms(2026, 11, 1, 11), ms(2026, 11, 1, 11, 30)),
    ]
    assert question.step == HOUR_MS


def test_by_site_the_largest_comes_first_and_the_rest_last() -> None:
    question = UsageQuestion(ms(2026, 11, 1), ms(2026, 12, 1), "site")
    rows = [
        UsageRow(None, "delivery", 1, 900),
        UsageRow("", "delivery", 1, 10),
        UsageRow("https://a.test", "delivery", 1, 20),
    ]
    found = answer("acme", question, NOW, rows)
    assert [entry["site"] for entry in found["series"]] == ["https://a.test", "", None]
    assert found["pubSubBandwidth"] == 930
