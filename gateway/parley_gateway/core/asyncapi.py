"""The AsyncAPI document of the WebSocket protocol: every frame, both ways."""

import inspect
from collections.abc import Mapping
from typing import Any, Final

from parley import __version__, limits
from parley.errors import CODES, CloseCode
from parley_gateway.core import examples
from parley_gateway.core.schemas import CLIENT_TYPES, REF, SERVER_TYPES, Schema, components

#: Client frame → the frames that may answer it.
ANSWERS: Final[dict[str, tuple[str, ...]]] = {
    "hello": ("welcome", "error"),
    "join": ("page", "error"),
    "do": ("ack", "error"),
    "renew": ("welcome", "error"),
    "ping": ("pong",),
}
#: What each close code means for a client.
CLOSE_CODES: Final[dict[CloseCode, str]] = {
    CloseCode.MALFORMED: "Malformed start, or a binary frame.",
    CloseCode.TOKEN: "The token is missing, invalid or expired: get a new one.",
    CloseCode.NOT_ALLOWED: "Not allowed: do not retry.",
    CloseCode.HELLO_TIMEOUT: "No `hello` came in time.",
    CloseCode.TOO_SLOW: "This client reads too slowly: reconnect and resync.",
    CloseCode.FRAME_TOO_BIG: "A frame was larger than allowed.",
    CloseCode.OVER_LIMIT: "Over a limit: back off.",
    CloseCode.RESTARTING: "The gateway is restarting: reconnect.",
}


def document() -> Schema:
    """The whole document, ready to be encoded. Operations are named from the gateway's side."""
    sent = {_id("client", name): _message(frame, examples.CLIENT_FRAMES[name]) for name, frame in CLIENT_TYPES.items()}
    told = {_id("gateway", name): _message(frame, examples.SERVER_FRAMES[name]) for name, frame in SERVER_TYPES.items()}
    messages = sent | told
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Parley live",
            "version": __version__,
            "description": "One WebSocket for all pages that a client has open. Each text frame is one JSON object "
            f"whose member `t` names it, at most {limits.FRAME.default} bytes; unknown members are ignored.",
            "license": {"name": "Apache-2.0"},
            "x-close-codes": {str(int(code)): text for code, text in CLOSE_CODES.items()},
            "x-error-codes": {
                code: {"status": entry.status, "message": entry.message, "help": entry.help}
                for code, entry in CODES.items()
            },
            "x-limits": {
                limit.name: {"default": limit.default, "unit": limit.unit, "answer": limit.answer}
                for limit in limits.ALL
            },
        },
        "defaultContentType": "application/json",
        "channels": {
            "live": {
                "address": "/v1/live",
                "summary": "Say `hello` first, within "
                f"{limits.HELLO_WAIT.default // 1000} s; then join pages, and be told.",
                "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in messages},
                "bindings": {"ws": {"method": "GET"}},
            }
        },
        "operations": _received() | _told(),
        "components": {
            "messages": messages,
            "schemas": components(),
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
        },
    }


def _id(side: str, frame: str) -> str:
    return f"{side}.{frame}"


def _message(frame: type, shown: list[dict[str, Any]]) -> Schema:
    text = inspect.getdoc(frame) or ""
    return {
        "name": frame.__name__,
        "summary": text.split("\n", 1)[0],
        "payload": {"$ref": REF.format(name=frame.__name__)},
        "examples": [{"payload": example} for example in shown],
    }


def _in_channel(side: str, names: Mapping[str, object] | tuple[str, ...]) -> list[Schema]:
    return [{"$ref": f"#/channels/live/messages/{_id(side, name)}"} for name in names]


def _received() -> Schema:
    channel = {"$ref": "#/channels/live"}
    operations: Schema = {}
    for name in CLIENT_TYPES:
        operation: Schema = {"action": "receive", "channel": channel, "messages": _in_channel("client", (name,))}
        if name in ANSWERS:
            operation["reply"] = {"channel": channel, "messages": _in_channel("gateway", ANSWERS[name])}
        if name == "hello":
            operation["security"] = [{"$ref": "#/components/securitySchemes/bearer"}]
        operations[f"receive-{name}"] = operation
    return operations


def _told() -> Schema:
    return {
        f"send-{name}": {
            "action": "send",
            "channel": {"$ref": "#/channels/live"},
            "messages": _in_channel("gateway", (name,)),
        }
        for name in SERVER_TYPES
    }
