"""A tenant's keys at a URL (RFC 7517): when to fetch the set, and how long to believe it.

Deciding only: `parley_runtime.key_sets` fetches. Times are seconds of a steady clock.
"""

import re

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
