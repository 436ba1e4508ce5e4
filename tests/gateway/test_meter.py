"""Whatever the moments of sealing, what leaves the meter is what went in."""

from collections import Counter as Tally

from hypothesis import given
from hypothesis import strategies as st

from kit.clock import FrozenClock
from parley.limits import OPEN_SUMS, SITE_NAME, SITES_PER_TENANT
from parley.usage import MINUTE_MS, USAGE_CLASSES, UsageLine
from parley_gateway.core.meter import Meter

TENANTS = ("acme", "globex")
SITES = ("", "https://a.test", "https://b.test")

counted = st.tuples(
    st.just("count"),
    st.sampled_from(TENANTS),
    st.sampled_from(SITES),
    st.sampled_from(USAGE_CLASSES),
    st.integers(0, 1_000),
    st.integers(0, 1_000_000),
    st.booleans(),
)
waited = st.tuples(st.just("wait"), st.integers(1, 90))
steps = st.lists(st.one_of(counted, st.just(("seal",)), waited), max_size=60)


def sum_of(lines: list[UsageLine]) -> Tally[tuple[object, ...]]:
    total: Tally[tuple[object, ...]] = Tally()
    for line in lines:
        key = (line.tenant, line.site, line.usage_class, line.minute)
        total[(*key, "messages")] += line.messages
        total[(*key, "bytes")] += line.bytes
    return +total


@given(steps)
def test_the_sum_of_what_was_sealed_is_the_sum_of_what_was_counted(script: list[tuple[object, ...]]) -> None:
    clock = FrozenClock()
    meter = Meter(clock)
    handles = {(tenant, site): meter.counter(tenant, site) for tenant in TENANTS for site in SITES}
    expected: Tally[tuple[object, ...]] = Tally()
    sealed: list[UsageLine] = []
    for step in script:
        match step:
            case ("seal",):
                lines = meter.seal(clock.now_ms())
                assert len({line[:4] for line in map(_tuple, lines)}) == len(lines), "one line for each sum"
                sealed += lines
            case ("wait", int(seconds)):
                clock.advance(seconds)
            case ("count", str(tenant), str(site), str(usage_class), int(messages), int(size), by_handle):
                minute = clock.now_ms() // MINUTE_MS * MINUTE_MS
                if by_handle:
                    getattr(handles[tenant, site], usage_class)(messages, size)
                else:
                    meter.add(tenant, site, usage_class, clock.now_ms(), messages, size)  # type: ignore[arg-type]
                expected[tenant, site, usage_class, minute, "messages"] += messages
                expected[tenant, site, usage_class, minute, "bytes"] += size
    sealed += meter.seal(clock.now_ms())
    assert sum_of(sealed) == +expected
    assert meter.seal(clock.now_ms()) == []
    assert (meter.folded, meter.uncounted) == (0, 0)


def _tuple(line: UsageLine) -> tuple[object, ...]:
    return (line.tenant, line.site, line.usage_class, line.minute, line.messages, line.bytes)


def test_a_tenant_with_too_many_sites_in_a_minute_counts_the_rest_under_no_site() -> None:
    clock = FrozenClock()
    meter = Meter(clock)
    most = SITES_PER_TENANT.default
    for number in range(most + 7):
        meter.counter("acme", f"https://{number}.test").delivery(1, 10)
        if number == most // 2:
            first = meter.seal(clock.now_ms())  # sealing does not make room within the minute
    lines = first + meter.seal(clock.now_ms())
    assert len({line.site for line in lines} - {""}) == most
    assert sum(line.messages for line in lines) == most + 7
    assert sum(line.messages for line in lines if line.site == "") == 7
    assert meter.folded == 7
    # Another tenant is not touched by it, and the next minute starts anew.
    meter.counter("globex", "https://g.test").delivery(1, 10)
    clock.advance(60)
    meter.counter("acme", "https://new.test").delivery(1, 10)
    assert {line.site for line in meter.seal(clock.now_ms())} == {"https://g.test", "https://new.test"}


def test_a_site_of_absurd_length_counts_under_no_site() -> None:
    clock = FrozenClock()
    meter = Meter(clock)
    meter.counter("acme", "https://" + "a" * SITE_NAME.default).publish(1, 10)
    assert [line.site for line in meter.seal(clock.now_ms())] == [""]
    assert meter.folded == 1


def test_beyond_the_last_sum_nothing_is_counted_and_the_number_is_told() -> None:
    clock = FrozenClock()
    meter = Meter(clock)
    for minute in range(OPEN_SUMS.default):
        meter.add("acme", "", "delivery", minute * MINUTE_MS, 1, 10)
    late = meter.counter("globex", "")
    late.delivery(3, 10)
    late.delivery(4, 10)
    assert meter.uncounted == 7
    assert len(meter.seal(clock.now_ms())) == OPEN_SUMS.default
    late.delivery(5, 10)  # there is room again
    assert [(line.tenant, line.messages) for line in meter.seal(clock.now_ms())] == [("globex", 5)]
    assert meter.uncounted == 7
