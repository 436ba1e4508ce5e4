"""Each address has its own allowance; one's excess is no other's, and memory is bounded."""

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley.errors import Limited
from parley_gateway.core.address_rates import BURST_SECONDS, AddressRates
from parley_gateway.core.rates import Rates

ONE, OTHER, INNER = ip_address("8.8.8.8"), ip_address("1.1.1.1"), ip_address("10.0.0.1")
SAME_CUSTOMER = ip_address("2001:4860::1"), ip_address("2001:4860::2:3")


def test_connections_over_the_rate_are_refused_until_the_moment_that_is_said() -> None:
    rates = AddressRates(2)
    for _ in range(2 * BURST_SECONDS):
        rates.connect(ONE, 0.0)
    with pytest.raises(Limited) as refused:
        rates.connect(ONE, 0.0)
    assert refused.value.code == "over-limit" and refused.value.retry_in_ms == 500
    rates.connect(OTHER, 0.0)
    rates.connect(ONE, 0.5)


def test_one_customer_has_one_allowance() -> None:
    rates = AddressRates(1)
    for number in range(BURST_SECONDS):
        rates.connect(SAME_CUSTOMER[number % 2], 0.0)
    for address in SAME_CUSTOMER:
        with pytest.raises(Limited):
            rates.connect(address, 0.0)


def test_failed_logins_block_for_a_while() -> None:
    rates = AddressRates(1)
    for _ in range(BURST_SECONDS):
        rates.failed(ONE, 0.0)
    rates.ask(ONE, 0.0)
    rates.failed(ONE, 0.0)
    with pytest.raises(Limited) as refused:
        rates.ask(ONE, 0.0)
    assert refused.value.retry_in_ms == 1_000
    rates.ask(OTHER, 0.0)
    rates.ask(ONE, 1.0)


def test_who_is_bound() -> None:
    rates = AddressRates(1)
    assert rates.bounds(ONE, ONE) and rates.bounds(ONE, INNER)
    assert rates.bounds(ip_address("192.168.0.7"), INNER), "behind a trusted proxy it is a client like any other"
    assert not rates.bounds(INNER, INNER) and not rates.bounds(None, None)
    assert not AddressRates(0).bounds(ONE, ONE)


@given(st.lists(st.tuples(st.integers(0, 9), st.floats(0, 5)), max_size=80))
def test_a_table_of_rates_never_grows_over_its_size_and_never_allows_more(calls: list[tuple[int, float]]) -> None:
    rates: Rates[int] = Rates(2, remembered=4)
    now, allowed = 0.0, 0
    for name, after in calls:
        now += after
        allowed += rates.take(name, 1, now) == 0
        assert len(rates._rates) <= 4
    exact: Rates[int] = Rates(2, remembered=100)
    assert sum(exact.take(0, 1, 0.0) == 0 for _ in range(100)) == 2
    assert allowed <= len(calls)
