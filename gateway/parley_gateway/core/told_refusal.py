"""A refusal as a client is told it: in a frame, or as a close frame's reason."""

import msgspec

from parley.errors import Refusal
from parley.server_frames import Error


def error_frame(refusal: Refusal, broadcast_id: str | None = None, page: str | None = None) -> Error:
    """What was not done, why, and what to do; about an operation, or a page."""
    return Error(refusal.code, refusal.message, refusal.help, broadcast_id, page, refusal.retry_in_ms)


def close_reason(refusal: Refusal) -> bytes:
    """A short JSON object: at most 123 bytes go with a close code."""
    reason: dict[str, object] = {"code": refusal.code}
    if refusal.retry_in_ms is not None:
        reason["retryInMs"] = refusal.retry_in_ms
    return msgspec.json.encode(reason)
