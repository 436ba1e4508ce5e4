"""What tenants' servers are to be told: written with what it tells, sent by `webhook_sender`."""

from collections.abc import Mapping
from typing import Any

from parley_billing.core.webhook import body_of, new_message_id
from parley_runtime.database import Connection

_QUEUE = """
WITH told AS (
  SELECT id FROM parley.webhook_endpoints
  WHERE tenant = $2 AND disabled IS NULL AND (types IS NULL OR $3 = ANY(types))),
message AS (
  INSERT INTO parley.webhook_messages (id, tenant, type, body) SELECT $1, $2, $3, $4 WHERE EXISTS (SELECT FROM told))
INSERT INTO parley.webhook_deliveries (message, endpoint) SELECT $1, id FROM told
"""


async def queue(connection: Connection, tenant: str, type: str, payload: Mapping[str, Any], now_ms: int) -> None:
    """Tell the tenant's servers, in the caller's transaction: they are told exactly if it commits.

    `type`: one of `core.webhook.TYPES`. `payload`: what JSON can hold, under 20 kB; amounts as strings. Works as
    `parley_billing` and as `parley_admin`. Raises what asyncpg raises, `ValueError` for what cannot be sent.
    """
    await connection.execute(_QUEUE, new_message_id(), tenant, type, body_of(type, payload, now_ms).decode())
