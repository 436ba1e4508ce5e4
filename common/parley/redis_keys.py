"""The names of everything that Parley keeps in Redis. Nothing else builds a key by hand.

Redis may lose any of it at any moment: the truth is in Postgres and in the gateways' spools.
Braces are Redis Cluster hash tags: what must change together shares one.
"""

from dataclasses import dataclass

#: Fields of a stream entry.
BODY = "b"


@dataclass(frozen=True, slots=True)
class Keys:
    """All keys under one prefix, so that several installations can share a Redis."""

    prefix: str = "parley"

    def bus(self, partition: int) -> str:
        """Stream: what happened on the pages of one partition (`parley_gateway.core.bus_entry`)."""
        return f"{self.prefix}:{{bus:{partition}}}:stream"

    def presence_gateways(self, partition: int, page_key: str) -> str:
        """Sorted set: gateway run → lease end in ms of Redis's clock, of one page."""
        return f"{self.prefix}:{{bus:{partition}}}:here:{page_key}"

    def presence_readers(self, partition: int, page_key: str, run: str) -> str:
        """Set: reader ids that one gateway holds on one page; expires with the lease."""
        return f"{self.prefix}:{{bus:{partition}}}:here:{page_key}:{run}"

    @property
    def tenants(self) -> str:
        """Hash: tenant → registry record (`parley.tenants`), JSON."""
        return f"{self.prefix}:{{registry}}:tenants"

    @property
    def tenants_version(self) -> str:
        """Integer: grows with each change of the registry."""
        return f"{self.prefix}:{{registry}}:version"

    @property
    def tenants_log(self) -> str:
        """Stream: names of tenants that changed, so that gateways need not re-read all."""
        return f"{self.prefix}:{{registry}}:log"

    @property
    def usage(self) -> str:
        """Stream: sealed usage records (`parley.usage`, msgpack under the field `b`)."""
        return f"{self.prefix}:{{usage}}:stream"

    @property
    def usage_confirmed(self) -> str:
        """Hash: run → highest number such that it and all before it are in the ledger (decimal text)."""
        return f"{self.prefix}:{{usage}}:confirmed"
