"""Counting on the hot path: one addition for each (tenant, site, class) that a slice of sockets touched.

A fan-out slice of hundreds of sockets of one tenant and site costs one call, whatever its size: the caller
sums the slice and keeps the handle (`Counter`) with the group. What was counted leaves through `seal`, once.
"""

from collections.abc import Collection, Iterator

from parley.clock import Clock
from parley.limits import OPEN_SUMS, SITE_NAME, SITES_PER_TENANT
from parley.usage import MINUTE_MS, USAGE_CLASSES, UsageClass, UsageLine

#: Sums of one (tenant, site, minute): messages and bytes of each class, in the order of `USAGE_CLASSES`.
_Sums = list[int]
_PUBLISH, _DELIVERY, _PRESENCE, _REPLAY = range(0, 2 * len(USAGE_CLASSES), 2)
_PLACE: dict[UsageClass, int] = {name: 2 * place for place, name in enumerate(USAGE_CLASSES)}
_EMPTY: _Sums = [0] * (2 * len(USAGE_CLASSES))


class Meter:
    """All that this process counted and has not sealed.

    `folded`: how often usage went to the site "" because its tenant had too many in that minute.
    `uncounted`: messages not counted at all because too many sums were open (`parley.limits.OPEN_SUMS`).
    `delivered`: messages of the class `delivery` that were sealed, over all tenants.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._open: dict[tuple[str, str, int], _Sums] = {}
        self._sites: dict[tuple[str, int], set[str]] = {}
        #: Grows with each seal: tells counters that the sums they hold have left.
        self.seals = 0
        self.folded = 0
        self.uncounted = 0
        self.delivered = 0

    def counter(self, tenant: str, site: str) -> "Counter":
        """A handle for counting under one tenant and site; cheap to make, cheaper to keep."""
        return Counter(self, tenant, site)

    def add(self, tenant: str, site: str, usage_class: UsageClass, now_ms: int, messages: int, bytes: int) -> None:
        """Count `messages` of `bytes` together, at `now_ms` (since the epoch)."""
        sums = self._sums(tenant, site, now_ms - now_ms % MINUTE_MS)
        if sums is None:
            self.uncounted += messages
            return
        place = _PLACE[usage_class]
        sums[place] += messages
        sums[place + 1] += bytes

    def now_minute(self) -> int:
        """Start of the running minute, in ms since the epoch."""
        now_ms = self._clock.now_ms()
        return now_ms - now_ms % MINUTE_MS

    def seal(self, now_ms: int) -> list[UsageLine]:
        """Take everything counted so far, as lines in a fixed order. `now_ms` is the time of sealing."""
        taken, self._open = self._open, {}
        self.seals += 1
        # A minute's sites stay known until it is over, so that the limit holds over all of its records.
        current = now_ms - now_ms % MINUTE_MS
        self._sites = {key: sites for key, sites in self._sites.items() if key[1] >= current}
        self.delivered += sum(sums[_DELIVERY] for sums in taken.values())
        return list(_lines(taken))

    def _sums(self, tenant: str, site: str, minute: int) -> _Sums | None:
        """The sums to add to; None when too many are open."""
        sums = self._open.get((tenant, site, minute))
        if sums is not None:
            return sums
        if site:
            known: Collection[str] = self._sites.get((tenant, minute), ())
            full = len(known) >= SITES_PER_TENANT.default
            if site not in known and (full or len(site) > SITE_NAME.default):
                self.folded += 1
                return self._sums(tenant, "", minute)
        if len(self._open) >= OPEN_SUMS.default:
            return None
        if site:
            self._sites.setdefault((tenant, minute), set()).add(site)
        return self._open.setdefault((tenant, site, minute), _EMPTY.copy())


class Counter:
    """Counts under one tenant and site. Each call is one addition; the minute is the one now running."""

    __slots__ = ("_meter", "_minute", "_seals", "_site", "_sums", "_tenant")

    def __init__(self, meter: Meter, tenant: str, site: str) -> None:
        self._meter = meter
        self._tenant = tenant
        self._site = site
        self._minute = -1
        self._seals = -1
        self._sums: _Sums | None = None

    def publish(self, messages: int, bytes: int) -> None:
        """First acceptances of a `do`, and the bytes of those frames as received."""
        self._add(_PUBLISH, messages, bytes)

    def delivery(self, messages: int, bytes: int) -> None:
        """Entries of `events` times sockets written, and the bytes of those `live` frames as sent."""
        self._add(_DELIVERY, messages, bytes)

    def presence(self, messages: int, bytes: int) -> None:
        """`presence` and `typing` frames sent, and their bytes."""
        self._add(_PRESENCE, messages, bytes)

    def replay(self, messages: int, bytes: int) -> None:
        """`page` frames sent, and their bytes."""
        self._add(_REPLAY, messages, bytes)

    def _add(self, place: int, messages: int, bytes: int) -> None:
        meter = self._meter
        minute = meter.now_minute()
        if minute != self._minute or meter.seals != self._seals:
            self._sums = meter._sums(self._tenant, self._site, minute)
            self._minute = minute
            self._seals = meter.seals
        sums = self._sums
        if sums is None:
            meter.uncounted += messages
            self._seals = -1  # there may be room the next time
            return
        sums[place] += messages
        sums[place + 1] += bytes


def _lines(sums: dict[tuple[str, str, int], _Sums]) -> Iterator[UsageLine]:
    for (tenant, site, minute), counted in sorted(sums.items()):
        for name, place in _PLACE.items():
            messages, size = counted[place], counted[place + 1]
            if messages or size:
                yield UsageLine(tenant, site, name, minute, messages, size)
