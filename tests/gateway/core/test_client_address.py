"""Behind proxies: nobody chooses the address that he is taken for, and nobody hides."""

from ipaddress import ip_address, ip_network
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley_gateway.core.client_address import (
    MOST_HOPS,
    ForwardedHeader,
    client_address,
    customer,
    parse_address,
)

TRUSTED = [ip_network("10.0.0.0/8"), ip_network("fd00::/8")]
PROXY, INNER = "10.0.0.1", "10.0.0.2"

XFF: ForwardedHeader = "X-Forwarded-For"
FORWARDED: ForwardedHeader = "Forwarded"

addresses = st.ip_addresses()
#: What a client may have written into a header, before any proxy added to it.
garbage = st.text(alphabet='0123456789abcdef:.[]",;= for%_-\t', max_size=80) | st.text(
    alphabet=st.characters(codec="latin-1", exclude_characters="\r\n\0"), max_size=40
)


def written(header: ForwardedHeader, address: str) -> str:
    """How a proxy writes it."""
    if header == XFF:
        return address
    return f'for="[{address}]";proto=https;by="[fd00::1]:443"' if ":" in address else f"for={address};proto=https"


@pytest.mark.parametrize("header", get_args(ForwardedHeader))
@given(client=addresses, before=garbage, lines=st.booleans(), through=st.integers(0, 3))
def test_what_stands_left_of_the_proxies_is_not_believed(
    header: ForwardedHeader, client: object, before: str, lines: bool, through: int
) -> None:
    text = str(client)
    if any(parse_address(text) in network for network in TRUSTED):
        return
    mine = [written(header, text), *(written(header, INNER) for _ in range(through))]
    found = client_address(PROXY, header, [before, *mine] if lines else [", ".join([before, *mine])], TRUSTED)
    assert found == parse_address(text)


@pytest.mark.parametrize("header", get_args(ForwardedHeader))
@given(peer=addresses, said=garbage)
def test_a_peer_that_is_no_proxy_is_itself_whatever_it_says(header: ForwardedHeader, peer: object, said: str) -> None:
    if not any(ip_address(str(peer)) in network for network in TRUSTED):
        assert client_address(str(peer), header, [said], TRUSTED) == parse_address(str(peer))
        assert client_address(str(peer), header, [said], []) == parse_address(str(peer))


@pytest.mark.parametrize("header", get_args(ForwardedHeader))
@given(lines=st.lists(garbage, max_size=4))
def test_no_header_breaks_it(header: ForwardedHeader, lines: list[str]) -> None:
    assert client_address(PROXY, header, lines, TRUSTED) is not None
    assert client_address(None, header, lines, TRUSTED) is None
    assert client_address("/run/parley.sock", header, lines, TRUSTED) is None


@pytest.mark.parametrize(
    ("header", "lines", "client"),
    [
        (XFF, ["8.8.8.8"], "8.8.8.8"),
        (XFF, ["1.1.1.1, 8.8.8.8"], "8.8.8.8"),
        (XFF, ["1.1.1.1", "8.8.8.8, 10.9.9.9"], "8.8.8.8"),
        (XFF, ["8.8.8.8:4711"], "8.8.8.8"),
        (XFF, ["[2001:db8::7]:4711"], "2001:db8::7"),
        (XFF, ["2001:db8::7"], "2001:db8::7"),
        (XFF, ["::ffff:8.8.8.8"], "8.8.8.8"),
        (XFF, ["8.8.8.8, unknown"], PROXY),
        (XFF, ["8.8.8.8, "], PROXY),
        (XFF, ["8.8.8.8, not an address, 10.0.0.3"], "10.0.0.3"),
        (XFF, [], PROXY),
        (XFF, ["10.0.0.9"], "10.0.0.9"),
        (XFF, ["8.8.8.8:x"], PROXY),
        (XFF, ["[8.8.8.8"], PROXY),
        (XFF, ["8.8.8.8 8.8.4.4"], PROXY),
        (FORWARDED, ["for=8.8.8.8"], "8.8.8.8"),
        (FORWARDED, ['For="8.8.8.8:4711"; proto=http'], "8.8.8.8"),
        (FORWARDED, ['by="[fd00::1]" ; FOR = "[2001:db8::7]:1"'], "2001:db8::7"),
        (FORWARDED, ["for=1.1.1.1, for=8.8.8.8;by=10.0.0.1, for=10.0.0.4"], "8.8.8.8"),
        (FORWARDED, ['for="open, for=8.8.8.8'], "8.8.8.8"),
        (FORWARDED, ['for="a, b", for=8.8.8.8;host="x,y"'], "8.8.8.8"),
        (FORWARDED, ["for=_hidden"], PROXY),
        (FORWARDED, ["for=unknown"], PROXY),
        (FORWARDED, ["proto=https"], PROXY),
        (FORWARDED, ["for=8.8.8.8;for=1.1.1.1"], PROXY),
    ],
)
def test_chains(header: ForwardedHeader, lines: list[str], client: str) -> None:
    assert client_address(PROXY, header, lines, TRUSTED) == ip_address(client)


def test_a_chain_is_followed_so_far_and_no_further() -> None:
    line = ", ".join(["8.8.8.8", *[INNER] * (MOST_HOPS - 1)])
    assert client_address(PROXY, XFF, [line], TRUSTED) == ip_address("8.8.8.8")
    assert client_address(PROXY, XFF, [line + f", {INNER}"], TRUSTED) == ip_address(INNER)


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("8.8.8.8", "8.8.8.8"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::", "2001:db8:1:3::/64"),
    ],
)
def test_under_which_name_it_is_counted(address: str, name: str) -> None:
    assert customer(ip_address(address)) == name
