"""Waiting for a page to move on, for clients that can hold neither a socket nor a stream open."""

from parley import metrics as names
from parley.claims import Claims
from parley.client_frames import Since
from parley.errors import CloseCode, Refusal
from parley_gateway.shell.gateway import Gateway
from parley_gateway.shell.http_access import Caller
from parley_gateway.shell.live_page import LivePage
from parley_gateway.shell.page_reads import PageRead, PageReads
from parley_runtime.tokens import LEEWAY

#: Seconds until the database is asked again when it knows less than the bus said: its history is being repaired.
DISAGREEMENT = 0.25


class _Poll:
    """One request that waits for its page."""

    def __init__(self, claims: Claims, live: LivePage, since: Since, deadline: float) -> None:
        self.claims = claims
        self.live = live
        self.since = since
        self.deadline = deadline
        self._ended: Refusal | None = None

    def end(self, code: CloseCode, refusal: Refusal) -> None:
        """Let it answer with this refusal at once."""
        self._ended = refusal
        self.live.wake()

    def check(self) -> None:
        """Raises the refusal with which it was ended."""
        if self._ended is not None:
            raise self._ended


class LongPolls:
    """The polls of this gateway. While one waits it is a connection of its tenant, and its reader is present."""

    def __init__(self, gateway: Gateway, reads: PageReads) -> None:
        self._gateway = gateway
        self._reads = reads
        self._gauge = gateway.metrics.gauge(names.CONNECTIONS).labels("long-poll")

    async def wait(self, caller: Caller, since: Since, seconds: float) -> tuple[PageRead, int]:
        """(What changed after `since`, the page's readers): as soon as there is something, after `seconds` in any case.

        Raises `over-limit`, `token-invalid` when the token is revoked meanwhile, and the database's errors.
        """
        gateway, claims = self._gateway, caller.claims
        gateway.admission.enter(claims)
        live = gateway.hub.open(claims.tenant, caller.page)
        live.users += 1
        gateway.presence.join(live, claims.reader)
        self._gauge.inc()
        token_left = claims.expires_at + LEEWAY - gateway.clock.now_ms() / 1000
        poll = _Poll(claims, live, since, gateway.clock.monotonic() + min(seconds, token_left))
        gateway.polls.add(poll)
        try:
            read = await self._changed(poll)
            return read, await gateway.presence.counted(live)
        finally:
            gateway.polls.discard(poll)
            self._gauge.dec()
            gateway.presence.leave(live, claims.reader)
            live.users -= 1
            gateway.admission.leave(claims)

    async def _changed(self, poll: _Poll) -> PageRead:
        gateway, live, since = self._gateway, poll.live, poll.since
        channel = live.channel
        while True:
            poll.check()
            under = gateway.hub.epoch
            read = await self._reads.read(live.tenant, live.page, since)
            poll.check()
            if gateway.hub.outdated(read.epoch, under):
                continue
            if read.kind == "snapshot" or read.part.seq > since.seq:
                return read
            if not channel.started:
                gateway.hub.begin(live, read.epoch, read.seq)
            elif channel.epoch != read.epoch:
                gateway.hub.restart(live, read.epoch, read.seq, "epoch")
            left = poll.deadline - gateway.clock.monotonic()
            if left <= 0 or gateway.draining:
                return read
            if channel.head > since.seq:
                left = min(left, DISAGREEMENT)
            await live.moved(left)
