"""URLs that tenants name and we ask: which ones, and which addresses never (they are of our own network)."""

import ipaddress
import re
from urllib.parse import urlsplit

#: RFC 1035: a label has 1 to 63 characters. Of others resolvers say anything but that there is no such host.
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_HOST = re.compile(rf"(?=.{{1,253}}\Z){_LABEL}(?:\.{_LABEL})*")
_LONGEST_URL = 1_024
#: RFC 6052: an IPv4 address hides in the last 32 bits.
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


class UrlProblem(ValueError):
    """The URL is none that we ask for a tenant. The text says why."""


def check_url(url: str) -> str:
    """The URL, if it may be asked. Raises `UrlProblem`."""
    if len(url) > _LONGEST_URL or not url.isascii() or not url.isprintable() or any(sign in url for sign in ' "\\<>'):
        raise UrlProblem(f"A URL has at most {_LONGEST_URL} printable ASCII characters, without spaces.")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise UrlProblem("This is no URL.") from None
    if parts.scheme != "https":
        raise UrlProblem("The URL must begin with https://.")
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise UrlProblem("The URL must have no user, password or fragment.")
    if _HOST.fullmatch(parts.hostname or "") is None or _is_address(parts.hostname or "") or port == 0:
        raise UrlProblem("The URL must name a host, not an address.")
    return url


def _is_address(host: str) -> bool:
    # Also the odd spellings that resolvers take for addresses: 127.1, 0x7f000001, 2130706433.
    return re.fullmatch(r"(0x[0-9a-f]*|[0-9]+)(\.(0x[0-9a-f]*|[0-9]+))*", host) is not None


def is_public(address: str) -> bool:
    """Whether an address is one of the public internet: not of this machine, this network, or something special."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(found, ipaddress.IPv6Address):
        if found in _NAT64:
            return is_public(str(ipaddress.IPv4Address(int(found) & 0xFFFF_FFFF)))
        if found.ipv4_mapped or found.sixtofour or found.teredo:
            return False  # what nobody announces who wants to be reached
    return found.is_global and not found.is_multicast and not found.is_reserved
