"""How many new connections, and how many failed logins, one address may have."""

from parley.errors import Limited
from parley_gateway.core.client_address import Address, customer
from parley_gateway.core.rates import Rates

#: Seconds' worth that may come at once: an office behind one address returns together after its network was away.
BURST_SECONDS = 10
#: Addresses remembered: some 40 MB at most, while somebody walks through a whole network's addresses.
REMEMBERED = 100_000


class AddressRates:
    """`per_second`: of each address; 0 is no bound. Times are seconds of a steady clock."""

    def __init__(self, per_second: int) -> None:
        self._per_second = per_second
        self._connections: Rates[str] = Rates(BURST_SECONDS, remembered=REMEMBERED)
        self._failures: Rates[str] = Rates(BURST_SECONDS, remembered=REMEMBERED)
        self._blocked: dict[str, float] = {}

    def bounds(self, address: Address | None, peer: Address | None) -> bool:
        """Whether this one is bound at all.

        A peer of our own network that no trusted proxy's header led beyond is a proxy that nobody declared, or this
        machine: everybody who comes through it would share one allowance.
        """
        return self._per_second > 0 and address is not None and (address != peer or address.is_global)

    def connect(self, address: Address, now: float) -> None:
        """One more connection. Raises `over-limit`."""
        if wait := self._connections.take(customer(address), self._per_second, now):
            raise Limited("over-limit", "Too many new connections from this address.", retry_in_ms=wait)

    def ask(self, address: Address, now: float) -> None:
        """One more request. Raises `over-limit` while too many logins have failed."""
        name = customer(address)
        until = self._blocked.get(name)
        if until is None:
            return
        if now < until:
            wait = max(1, round((until - now) * 1000))
            raise Limited("over-limit", "Too many failed logins from this address.", retry_in_ms=wait)
        del self._blocked[name]

    def failed(self, address: Address, now: float) -> None:
        """A login failed."""
        name = customer(address)
        if wait := self._failures.take(name, self._per_second, now):
            if len(self._blocked) >= REMEMBERED:
                self._blocked.clear()
            self._blocked[name] = now + max(1.0, wait / 1000)
