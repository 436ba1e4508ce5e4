"""The OpenAPI document of everything that answers over plain HTTP."""

from typing import Final

from parley import __version__, limits
from parley.errors import CODES
from parley.pages import encode_page
from parley_gateway.core import examples
from parley_gateway.core.openapi_parts import ANY_REQUEST, CORS, json_answer, problems, query
from parley_gateway.core.openapi_site import site_paths, site_schemas
from parley_gateway.core.schemas import EPOCH, SEQ, UUID, Schema, components, operation_body

_CLIENT: Final[Schema] = {
    "name": "client",
    "in": "query",
    "description": "The widget's own UUID, as in `hello`: it is not told of its own typing.",
    "schema": UUID,
}
_OPERATION: Final = (
    *ANY_REQUEST,
    "bad-frame",
    "unknown-op",
    "suspended",
    "unknown-chat",
    "unknown-comment",
    "use-delete-chat",
    "id-reused",
    "too-big",
    "over-quota",
)

_PAGE_PARAMETER: Final[Schema] = {
    "name": "page",
    "in": "path",
    "required": True,
    "description": "The page in base64url without padding.",
    "schema": {"type": "string", "format": "parley-page", "pattern": "^[A-Za-z0-9_-]{2,683}$"},
    "example": encode_page(examples.PAGE),
}


def document() -> Schema:
    """The whole document, ready to be encoded."""
    schemas = components()
    body = operation_body(schemas["Do"])
    typing = {**schemas["Typing"], "required": ["chat"]}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Parley",
            "version": __version__,
            "summary": "Discuss any piece of text on any web page, live.",
            "description": "Everything that the WebSocket protocol does, over plain HTTP. "
            "The socket is described by /v1/asyncapi.json, the rules of both by the protocol's documentation.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "security": [{"bearer": []}],
        "paths": _paths(body, typing),
        "components": {
            "schemas": {
                name: schemas[name]
                for name in (
                    "Ack",
                    "Anchor",
                    "Author",
                    "Chat",
                    "Comment",
                    "Page",
                    "Position",
                    "Quote",
                    "Reader",
                    "Welcome",
                )
            }
            | {"Problem": _problem_schema(), "Usage": _usage_schema()}
            | site_schemas(),
            "securitySchemes": {
                "bearer": {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "JWT",
                    "description": "A token that the tenant's own server signed. Never in an address.",
                }
            },
        },
    }


def _paths(body: Schema, typing: Schema) -> Schema:
    page: Schema = {"parameters": [_PAGE_PARAMETER]}
    cursor = [query("epoch", EPOCH), query("seq", SEQ)]
    return {
        "/v1/welcome": _welcome(),
        "/v1/pages/{page}/chats": page | _chats(cursor),
        "/v1/pages/{page}/operations": page | _operations(body),
        "/v1/pages/{page}/typing": page | _typing(typing),
        "/v1/pages/{page}/changes": page | _changes(cursor),
        "/v1/pages/{page}/events": page | _events(),
        "/v1/usage": _usage(),
        **site_paths(body),
        "/v1/parley.js": _script("The widget, for a script tag"),
        "/v1/parley.mjs": _script("The widget, for an import"),
        "/v1/openapi.json": _open("This document"),
        "/v1/asyncapi.json": _open("The WebSocket protocol as an AsyncAPI document"),
        "/healthz/live": _open("Whether the process turns"),
        "/healthz/ready": _open(
            "Whether the gateway works: its own probe came back, the database answers", unready=True
        ),
    }


def _welcome() -> Schema:
    return {
        "get": {
            "operationId": "getWelcome",
            "summary": "What a token allows, and when to send a new one",
            "description": "The `welcome` frame that answers `hello`, and `renew`, on a socket.",
            "responses": json_answer("The token is valid.", "Welcome", examples.SERVER_FRAMES["welcome"][0])
            | problems(*ANY_REQUEST),
        }
    }


def _chats(cursor: list[Schema]) -> Schema:
    return {
        "get": {
            "operationId": "getChats",
            "summary": "The page as it is now",
            "description": "One `page` object. When it says `more`, ask again with its `epoch` and `seq`.",
            "parameters": cursor,
            "responses": json_answer("The page.", "Page", examples.PAGE_FRAME) | problems(*ANY_REQUEST),
        }
    }


def _operations(body: Schema) -> Schema:
    return {
        "post": {
            "operationId": "perform",
            "summary": "One change",
            "description": "A `do` frame; `t` and `page` may be left out. Sending it again with the same "
            "`broadcastId` is harmless: it answers the first `ack`.",
            "requestBody": {
                "required": True,
                "content": {
                    "application/json": {
                        "schema": body,
                        "examples": {op: {"value": value} for op, value in examples.OPERATIONS.items()},
                    }
                },
            },
            "responses": json_answer("Committed to the database.", "Ack", examples.ACK) | problems(*_OPERATION),
        }
    }


def _typing(typing: Schema) -> Schema:
    return {
        "post": {
            "operationId": "showTyping",
            "summary": "Somebody is writing in a chat",
            "description": "A `typing` frame; `t` and `page` may be left out. Told to everybody on the page but "
            "the `client` that says so. More than two a second are dropped without a word.",
            "parameters": [_CLIENT],
            "requestBody": {
                "required": True,
                "content": {"application/json": {"schema": typing, "example": {"chat": examples.CHAT}}},
            },
            "responses": {"204": {"description": "Passed on, or dropped.", "headers": CORS}}
            | problems(*ANY_REQUEST, "bad-frame", "too-big"),
        }
    }


def _changes(cursor: list[Schema]) -> Schema:
    return {
        "get": {
            "operationId": "getChanges",
            "summary": "What changed after a cursor; waits for it with `waitMs`",
            "description": "One `page` object: without a cursor the whole page. While it waits, the reader counts "
            "as present.",
            "parameters": [
                *cursor,
                query(
                    "waitMs",
                    {"type": "integer", "minimum": 0, "maximum": 2**53 - 1, "default": 0},
                    f"How long to wait for a change, at most {limits.LONG_POLL.default}; larger values are "
                    "lowered to that.",
                ),
                query(
                    "readers",
                    {"type": "integer", "minimum": 0, "maximum": 2**53 - 1},
                    "The readers that the client shows. With it a wait also ends when their number is another one, "
                    "or when somebody writes: then the page has a member `typing`, a list of `typing` frames.",
                ),
                _CLIENT,
            ],
            "responses": json_answer("What changed, possibly nothing.", "Page", examples.PAGE_FRAME)
            | problems(*ANY_REQUEST),
        }
    }


def _events() -> Schema:
    return {
        "get": {
            "operationId": "streamEvents",
            "summary": "What happens, as server-sent events",
            "description": "First `page` events, then `live`, `presence`, `typing`, `resync`, `renew`, `move`, and "
            "`error` before the gateway ends the stream. `event` is the frame's `t`, `data` the frame, `id` the "
            "cursor. After `resync` the stream goes on with `page` events.",
            "parameters": [
                {
                    "name": "Last-Event-ID",
                    "in": "header",
                    "description": "The `id` of the last event received: what happened since then comes first.",
                    "schema": {"type": "string", "pattern": "^[A-Za-z0-9]{1,64}:[0-9]{1,15}$"},
                },
                _CLIENT,
            ],
            "responses": {
                "200": {
                    "description": "The stream.",
                    "headers": CORS,
                    "content": {"text/event-stream": {"schema": {"type": "string"}, "example": _stream_example()}},
                }
            }
            | problems(*ANY_REQUEST),
        }
    }


def _usage() -> Schema:
    return {
        "get": {
            "operationId": "getUsage",
            "summary": "What the tenant used",
            "description": "Needs the scope `usage:read`. Answered by billing. A period is widened to whole "
            "minutes, and an end before `exactSince` to whole quarters of an hour: `from` and `to` of the answer "
            "are what was summed.",
            "parameters": [
                query("from", SEQ, "Start, in milliseconds since the epoch; default: the current period's."),
                query("to", SEQ, "End, exclusive."),
                query("by", {"enum": ["period", "day", "hour", "site"], "default": "period"}),
            ],
            "responses": json_answer("The sums of the ledger.", "Usage", None)
            | problems(
                "bad-field", "token-invalid", "token-expired", "forbidden", "not-found", "unavailable", "internal"
            ),
        }
    }


def _problem_schema() -> Schema:
    text = {"type": "string", "minLength": 1}
    return {
        "description": "Why something was not done. Nothing was changed; only `internal` means that the outcome is "
        "unknown.",
        "type": "object",
        "properties": {
            "type": {"const": "about:blank"},
            "title": text,
            "status": {"type": "integer", "minimum": 400, "maximum": 599},
            "code": {"enum": sorted(CODES)},
            "message": {**text, "description": "What happened, for a person."},
            "help": {**text, "description": "What to do about it."},
            "retryInMs": {"type": "integer", "minimum": 0},
        },
        "required": ["type", "title", "status", "code", "message", "help"],
    }


def _usage_schema() -> Schema:
    count: Schema = {"type": "integer", "minimum": 0}
    sums = {
        "type": "object",
        "properties": {"messages": count, "bytes": count},
        "required": ["messages", "bytes"],
    }
    classes = ("publish", "delivery", "presence", "replay")
    return {
        "description": "`pubSubMessageCount` and `pubSubBandwidth` are the classes publish and delivery together.",
        "type": "object",
        "properties": {
            "tenant": {"type": "string"},
            "from": {**count, "description": "Start of what was summed, in milliseconds since the epoch."},
            "to": {**count, "description": "Its end, exclusive."},
            "asOf": {"type": ["integer", "null"], "description": "Milliseconds since the epoch."},
            "exactSince": {
                **count,
                "description": "Milliseconds since the epoch. Ends of a period from here on are exact to the minute.",
            },
            "pubSubMessageCount": count,
            "pubSubBandwidth": {**count, "description": "Bytes."},
            "classes": {"type": "object", "properties": dict.fromkeys(classes, sums), "required": list(classes)},
            "series": {"type": "array", "items": {"type": "object"}},
        },
        "required": [
            "tenant",
            "from",
            "to",
            "asOf",
            "exactSince",
            "pubSubMessageCount",
            "pubSubBandwidth",
            "classes",
            "series",
        ],
    }


def _script(summary: str) -> Schema:
    headers = CORS | {"ETag": {"description": "Strong, one for each encoding.", "schema": {"type": "string"}}}
    return {
        "get": {
            "operationId": f"get{'Module' if 'import' in summary else 'Script'}",
            "summary": summary,
            "security": [],
            "responses": {
                "200": {
                    "description": "The file, gzipped for who takes that.",
                    "headers": headers,
                    "content": {"text/javascript": {"schema": {"type": "string"}}},
                },
                "304": {"description": "The client has it.", "headers": headers},
            }
            | problems("unavailable"),
        }
    }


def _open(summary: str, *, unready: bool = False) -> Schema:
    answer: Schema = {"description": summary, "content": {"application/json": {"schema": {"type": "object"}}}}
    return {
        "get": {
            "summary": summary,
            "security": [],
            "responses": {"200": answer} | ({"503": {**answer, "description": "What is missing."}} if unready else {}),
        }
    }


def _stream_example() -> str:
    return (
        f'id: {examples.EPOCH}:43\nevent: page\ndata: {{"t":"page","page":"{examples.PAGE}",…}}\n\n'
        f'id: {examples.EPOCH}:44\nevent: live\ndata: {{"t":"live","page":"{examples.PAGE}",…}}\n\n'
        f'event: presence\ndata: {{"t":"presence","page":"{examples.PAGE}","readers":3}}\n\n'
    )
