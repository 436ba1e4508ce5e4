"""From which address a request comes, when proxies stand between: believed only as far as they are trusted.

Each proxy adds the address it was called from at the right end of a header, and whoever called the first one may have
written anything to the left of it. So the header is read from the right, and no further than the first address that is
no trusted proxy's.
"""

from collections.abc import Iterator, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Literal, TypeAlias

Address: TypeAlias = IPv4Address | IPv6Address
Network: TypeAlias = IPv4Network | IPv6Network
ForwardedHeader: TypeAlias = Literal["X-Forwarded-For", "Forwarded"]

#: Addresses of one header that are looked at: no chain of proxies is longer.
MOST_HOPS = 20
#: Bits of an IPv6 address that one customer shares (RFC 6177): rates count by it.
_CUSTOMER_BITS = 64


def client_address(
    peer: str | None, header: ForwardedHeader, lines: Sequence[str], trusted: Sequence[Network]
) -> Address | None:
    """Who asks. `peer`: the connection's other end; `lines`: every line of the `header`, in order.

    What cannot be read ends the search: then the nearest address that is known. None: not an address at all.
    """
    here = parse_address(peer or "")
    if here is None:
        return None
    hops = _hops(header, lines)
    for _ in range(MOST_HOPS):
        if not _among(here, trusted):
            break
        before = parse_address(next(hops, ""))
        if before is None:
            break
        here = before
    return here


def customer(address: Address) -> str:
    """The name under which an address is counted: itself, or its /64."""
    if isinstance(address, IPv4Address):
        return str(address)
    return str(ip_network((address, _CUSTOMER_BITS), strict=False))


def parse_address(text: str) -> Address | None:
    """An address as headers write it: with or without port, IPv6 with or without brackets. None: it is none."""
    text = text.strip()
    if text.startswith("["):
        text, bracket, port = text[1:].partition("]")
        if not bracket or not (port == "" or (port[0] == ":" and _is_port(port[1:]))):
            return None
    elif text.count(":") == 1:
        text, _, port = text.partition(":")
        if not _is_port(port):
            return None
    try:
        found = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    if isinstance(found, IPv6Address) and found.ipv4_mapped is not None:
        return found.ipv4_mapped
    return found


def _is_port(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 5


def _among(address: Address, networks: Sequence[Network]) -> bool:
    return any(address.version == network.version and address in network for network in networks)


def _hops(header: ForwardedHeader, lines: Sequence[str]) -> Iterator[str]:
    """The addresses as written, the last one first."""
    for line in reversed(lines):
        for element in _elements(line):
            yield element if header == "X-Forwarded-For" else _for_of(element)


def _elements(line: str) -> Iterator[str]:
    """The comma-separated elements, the last one first; a comma within quotes does not separate.

    Read from the right, so that a quote which somebody left open on the left swallows nothing that a proxy wrote.
    """
    end, quoted = len(line), False
    for at in range(len(line) - 1, -1, -1):
        if line[at] == '"':
            quoted = not quoted
        elif line[at] == "," and not quoted:
            yield line[at + 1 : end]
            end = at
    yield line[:end]


def _for_of(element: str) -> str:
    """The `for` of one element of `Forwarded` (RFC 7239); "" when it has none, or several."""
    found = [
        value.strip()
        for name, _, value in (part.partition("=") for part in element.split(";"))
        if name.strip().lower() == "for"
    ]
    if len(found) != 1:
        return ""
    text = found[0]
    return text[1:-1] if len(text) >= 2 and text[0] == text[-1] == '"' else text
