"""The totals as Prometheus reads them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from parley.usage import USAGE_CLASSES, UsageClass
from parley_billing.core import exposition as module
from parley_billing.core.exposition import OTHER, Exposition

Samples = dict[tuple[str, str, str], float]


def samples(text: bytes) -> Samples:
    found: Samples = {}
    for family in text_string_to_metric_families(text.decode()):
        assert family.type == "counter"
        for sample in family.samples:
            key = (sample.name, sample.labels["tenant"], sample.labels["class"])
            assert key not in found, "one series twice"
            found[key] = sample.value
    return found


def test_every_total_is_there_by_tenant_and_class_and_odd_names_are_escaped() -> None:
    exposition = Exposition()
    exposition.put("acme", 1, "publish", 3, 300)
    exposition.put('a"b\\c\nd', 2, "delivery", 1, 2**60)
    assert samples(exposition.text()) == {
        ("parley_pubsub_messages_total", "acme", "publish"): 3,
        ("parley_pubsub_bytes_total", "acme", "publish"): 300,
        ("parley_pubsub_messages_total", 'a"b\\c\nd', "delivery"): 1,
        ("parley_pubsub_bytes_total", 'a"b\\c\nd', "delivery"): 2**60,
    }
    assert str(2**60).encode() in exposition.text(), "whole numbers, never floats"


@given(
    st.lists(
        st.tuples(st.integers(1, 5), st.sampled_from(USAGE_CLASSES), st.integers(0, 9), st.integers(0, 99)),
        max_size=30,
    )
)
def test_no_series_ever_falls_and_together_they_are_the_sum(steps: list[tuple[int, UsageClass, int, int]]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "TENANTS_MOST", 2)
        exposition = Exposition()
        totals: dict[tuple[int, UsageClass], tuple[int, int]] = {}
        before: Samples = {}
        for ordinal, usage_class, messages, size in steps:
            held = totals.get((ordinal, usage_class), (0, 0))
            total = totals[ordinal, usage_class] = (held[0] + messages, held[1] + size)
            exposition.put(f"t{ordinal}", ordinal, usage_class, *total)
            now = samples(exposition.text())
            assert all(now[key] >= value for key, value in before.items())
            before = now
            assert {tenant for _, tenant, _ in now} <= {"t1", "t2", OTHER}
            counted = sum(value for (name, _, _), value in now.items() if "messages" in name)
            assert counted == sum(messages for messages, _ in totals.values())
        # A process that starts afresh, and reads the totals in any order, says the same.
        again = Exposition()
        for (ordinal, usage_class), total in reversed(totals.items()):
            again.put(f"t{ordinal}", ordinal, usage_class, *total)
        assert {key: value for key, value in samples(again.text()).items() if value} == {
            key: value for key, value in before.items() if value
        }
