"""A tenant's keys at a URL (RFC 7517): when to fetch the set, how long to believe it, which addresses never to ask.

Deciding only: `parley_runtime.key_sets` fetches. Times are seconds of a steady clock.
"""

import ipaddress
import re
from urllib.parse import urlsplit

from parley.tenants import Key, Tenant

#: Seconds for which a set is believed that says nothing about itself, and the bounds of what it may say (`max-age`).
#: The longest bounds how long a key that was taken out of the set is still honoured.
USUAL_AGE, SHORTEST_AGE, LONGEST_AGE = 300.0, 60.0, 3_600.0
#: Seconds between two fetches because of a `kid` that the set does not have. Tokens with made-up ones cost no more.
UNKNOWN_EVERY = 10.0
#: Seconds after a fetch that failed; doubled each time up to the longest.
RETRY_FIRST, RETRY_LONGEST = 10.0, 300.0
#: Seconds after the last good fetch for which its keys are honoured while fetching fails: as long as a token can live.
STALE_MOST = 86_400.0
#: Seconds without a token of the tenant after which its set is forgotten: no token can be alive that it proves.
IDLE_MOST = 86_400.0 + 60.0

#: RFC 1035: a label has 1 to 63 characters. Of others resolvers say anything but that there is no such host.
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_HOST = re.compile(rf"(?=.{{1,253}}\Z){_LABEL}(?:\.{_LABEL})*")
_LONGEST_URL = 1_024
#: RFC 6052: an IPv4 address hides in the last 32 bits.
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


class UrlProblem(ValueError):
    """The URL cannot be where a tenant's keys are. The text says why."""


def check_url(url: str) -> str:
    """The URL, if keys may be fetched from it. Raises `UrlProblem`."""
    if len(url) > _LONGEST_URL or not url.isascii() or not url.isprintable() or any(sign in url for sign in ' "\\<>'):
        raise UrlProblem(f"A URL has at most {_LONGEST_URL} printable ASCII characters, without spaces.")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise UrlProblem("This is no URL.") from None
    if parts.scheme != "https":
        raise UrlProblem("Keys are fetched over https only.")
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


def max_age(cache_control: str | None) -> float:
    """Seconds for which the set may be believed, within our bounds. `no-store` and the like mean the shortest."""
    said = [part.strip().lower() for part in (cache_control or "").split(",")]
    if "no-store" in said or "no-cache" in said:
        return SHORTEST_AGE
    for part in said:
        if found := re.fullmatch(r"max-age=\"?([0-9]{1,10})\"?", part):
            return min(max(float(found[1]), SHORTEST_AGE), LONGEST_AGE)
    return USUAL_AGE


class KeySet:
    """What one process knows of the keys at one URL, and when it has to ask again."""

    def __init__(self, url: str, now: float) -> None:
        self.url = url
        self.keys: tuple[Key, ...] = ()
        self._used_at = now
        self._fetching = False
        self._fetched_at: float | None = None
        self._due_at = now
        self._started_at = float("-inf")
        self._failures = 0

    def used(self, now: float) -> None:
        """A token of the tenant came."""
        self._used_at = now

    @property
    def fetching(self) -> bool:
        return self._fetching

    def has(self, kid: str | None) -> bool:
        """Whether the set has that key; a token that names none needs any."""
        return any(kid in (None, key.kid) for key in self.keys)

    def is_due(self, now: float) -> bool:
        """Whether to fetch now because of time: never fetched, too old, or a retry."""
        return not self._fetching and now >= self._due_at and not self.is_idle(now)

    def may_ask_for(self, kid: str | None, now: float) -> bool:
        """Whether to fetch now for a token that names this key, or none."""
        if self._fetching or self.has(kid):
            return False
        if self._fetched_at is None or self._failures:
            return now >= self._due_at
        return now >= self._started_at + UNKNOWN_EVERY

    def is_idle(self, now: float) -> bool:
        """Nobody needs it any more."""
        return now >= self._used_at + IDLE_MOST

    def started(self, now: float) -> None:
        """A fetch begins; `fetched` or `failed` must follow."""
        self._fetching, self._started_at = True, now

    def fetched(self, keys: tuple[Key, ...], age: float, now: float) -> bool:
        """The set as it is, to be believed for `age`. True when that changed anything."""
        changed, self.keys = keys != self.keys, keys
        self._fetching, self._failures = False, 0
        self._fetched_at, self._due_at = now, now + age
        return changed

    def failed(self, now: float) -> None:
        """The set could not be had: what is known stays, for a while."""
        self._fetching = False
        self._due_at = now + min(RETRY_FIRST * 2**self._failures, RETRY_LONGEST)
        self._failures = min(self._failures + 1, 16)

    def expire(self, now: float) -> bool:
        """Forget keys that were not confirmed for too long. True when there were any."""
        if not self.keys or self._fetched_at is None or now < self._fetched_at + STALE_MOST:
            return False
        self.keys = ()
        return True


def with_keys(record: Tenant, keys: tuple[Key, ...]) -> list[Key]:
    """The record's own keys and those of its set. A `kid` of its own, a retired one too, is never the set's."""
    own = {key.kid for key in record.keys}
    return [*record.keys, *(key for key in keys if key.kid not in own)]
