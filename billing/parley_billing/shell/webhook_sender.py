"""Sends what is in the outbox, at least once.

A delivery is claimed for a time (its `next_at` moves ahead, its attempt is counted), sent, and settled. Whoever dies
in between leaves a claim that runs out, and another process, or the next one, sends it again under the same message
id. Any number of processes send; of each endpoint a process has one delivery on its way at a time, so that a slow
server delays nobody else.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from parley.clock import Clock
from parley.metrics import WEBHOOK_ATTEMPTS, WEBHOOK_OLDEST, WEBHOOK_WAITING
from parley_billing.core.webhook import DELAYS, Answer, after, headers
from parley_billing.shell.webhook_post import AT_ONCE, ATTEMPT_SECONDS
from parley_runtime.database import Pool
from parley_runtime.outage import Outage
from parley_runtime.telemetry import Metrics, get_logger

Post: TypeAlias = Callable[[str, Mapping[str, str], bytes], Awaitable[Answer]]

#: Seconds between looks at the outbox.
LOOK_EVERY = 0.5
#: Seconds after which a claim runs out: longer than an attempt takes.
CLAIM_SECONDS = 3 * ATTEMPT_SECONDS
#: Seconds between counts of what waits, and between sweeps.
COUNT_EVERY = 15.0
SWEEP_EVERY = 3_600.0
#: Days for which messages are kept, for replaying them.
KEPT_DAYS = 30

_CLAIM = """
WITH due AS (
  SELECT DISTINCT ON (d.endpoint) d.message, d.endpoint
  FROM parley.webhook_deliveries d JOIN parley.webhook_endpoints e ON e.id = d.endpoint
  WHERE d.state = 'waiting' AND d.next_at <= now() AND e.disabled IS NULL AND d.endpoint <> ALL($1)
  ORDER BY d.endpoint, d.next_at LIMIT $2),
taken AS (
  SELECT d.message, d.endpoint FROM parley.webhook_deliveries d JOIN due USING (message, endpoint)
  WHERE d.state = 'waiting' AND d.next_at <= now() FOR UPDATE OF d SKIP LOCKED)
UPDATE parley.webhook_deliveries d SET attempt = d.attempt + 1, next_at = now() + make_interval(secs => $3)
FROM taken, parley.webhook_messages m, parley.webhook_endpoints e
WHERE (d.message, d.endpoint) = (taken.message, taken.endpoint) AND m.id = d.message AND e.id = d.endpoint
RETURNING d.message, d.endpoint, d.attempt, m.body, e.url, e.secret,
  CASE WHEN e.old_until > now() THEN e.old_secret END AS old
"""
_SETTLE = """
UPDATE parley.webhook_deliveries SET state = $4, outcome = $5, next_at = now() + make_interval(secs => $6)
WHERE message = $1 AND endpoint = $2 AND attempt = $3 AND state = 'waiting'
"""
_DISABLE = "UPDATE parley.webhook_endpoints SET disabled = $2 WHERE id = $1"
_WAITING = """
SELECT count(*) AS number, coalesce(extract(epoch FROM now() - min(m.created_at)), 0)::float8 AS oldest
FROM parley.webhook_deliveries d JOIN parley.webhook_messages m ON m.id = d.message
JOIN parley.webhook_endpoints e ON e.id = d.endpoint WHERE d.state = 'waiting' AND e.disabled IS NULL
"""
_SWEEP = "DELETE FROM parley.webhook_messages WHERE created_at < now() - make_interval(days => $1)"


@dataclass(frozen=True, slots=True)
class Claimed:
    """A delivery that this process may send until its claim runs out. `secrets`: the newest first."""

    message: str
    endpoint: str
    attempt: int
    body: bytes
    url: str
    secrets: tuple[bytes, ...]


class WebhookSender:
    """Runs until cancelled."""

    def __init__(
        self,
        pool: Pool,
        post: Post,
        clock: Clock,
        metrics: Metrics,
        *,
        delays: Sequence[float] = DELAYS,
        claim_seconds: float = CLAIM_SECONDS,
    ) -> None:
        self._pool = pool
        self._post = post
        self._clock = clock
        self._delays = delays
        self._claim_seconds = claim_seconds
        self._attempts = metrics.counter(WEBHOOK_ATTEMPTS)
        for outcome in ("delivered", "waiting", "dead"):
            self._attempts.labels(outcome)  # there from the beginning, so that the first one counts as an increase
        self._waiting = metrics.gauge(WEBHOOK_WAITING)
        self._oldest = metrics.gauge(WEBHOOK_OLDEST)
        self._chance = random.Random().random  # noqa: S311  (spreads load, hides nothing)
        self._outage = Outage("webhooks wait")
        self._sending: dict[asyncio.Task[None], str] = {}

    async def run(self) -> None:
        """Send for ever. Every fault is waited out."""
        try:
            while True:
                claimed: list[Claimed] = []
                try:
                    claimed = await self.claim()
                    self._outage.over()
                except Exception as problem:
                    self._outage.began(problem)
                for each in claimed:
                    self._sending[asyncio.create_task(self._guarded(each))] = each.endpoint
                if self._sending:
                    done, _ = await asyncio.wait(self._sending, timeout=LOOK_EVERY, return_when=asyncio.FIRST_COMPLETED)
                    for task in done:
                        del self._sending[task]
                else:
                    await asyncio.sleep(LOOK_EVERY)
        finally:
            for task in self._sending:
                task.cancel()
            await asyncio.gather(*self._sending, return_exceptions=True)

    async def claim(self) -> list[Claimed]:
        """What is due, one of each endpoint that has none on its way."""
        free = AT_ONCE - len(self._sending)
        if free <= 0:
            return []
        rows = await self._pool.fetch(_CLAIM, list(self._sending.values()), free, self._claim_seconds)
        return [
            Claimed(
                row["message"], row["endpoint"], row["attempt"], row["body"].encode(), row["url"],
                (row["secret"], row["old"]) if row["old"] else (row["secret"],),
            )
            for row in rows
        ]  # fmt: skip

    async def send(self, claimed: Claimed) -> None:
        """One attempt, and what follows from it. Raises what asyncpg raises: then the claim runs out."""
        signed = headers(claimed.message, claimed.body, claimed.secrets, self._clock.now_ms())
        answer = await self._post(claimed.url, signed, claimed.body)
        follows = after(claimed.attempt, answer, self._chance(), self._delays)
        async with self._pool.acquire() as connection, connection.transaction():
            await connection.execute(
                _SETTLE, claimed.message, claimed.endpoint, claimed.attempt, follows.state, answer.text, follows.wait
            )
            if follows.disable:
                await connection.execute(_DISABLE, claimed.endpoint, f"it answered {answer.text}")
        self._attempts.labels(follows.state).inc()
        if follows.state == "dead":
            get_logger().warning("a webhook was given up", endpoint=claimed.endpoint, outcome=answer.text)

    async def _guarded(self, claimed: Claimed) -> None:
        try:
            await self.send(claimed)
        except Exception as problem:
            self._outage.began(problem)

    async def count(self) -> None:
        """Say how much waits. To be called every `COUNT_EVERY` seconds. Raises what asyncpg raises."""
        row = await self._pool.fetchrow(_WAITING)
        assert row is not None  # it is an aggregate
        self._waiting.set(row["number"])
        self._oldest.set(row["oldest"])

    async def sweep(self) -> None:
        """Forget what is too old to be replayed. Raises what asyncpg raises."""
        await self._pool.execute(_SWEEP, KEPT_DAYS)
