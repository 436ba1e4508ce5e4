"""The part of the OpenAPI document that is for tenants' own servers."""

from typing import Any, Final

from parley import limits
from parley_gateway.core import examples
from parley_gateway.core.openapi_parts import ANY_REQUEST, CORS, json_answer, problems, query
from parley_gateway.core.schemas import PAGE_NAME, REF, SEQ, TIME, UUID, Schema
from parley_gateway.core.site_query import LONGEST_TEXT, MOST, STATES, USUAL

_READER: Final[Schema] = {
    "name": "reader",
    "in": "path",
    "required": True,
    "description": "The reader's id (`sub`) in base64url without padding.",
    "schema": {"type": "string", "format": "parley-page", "pattern": "^[A-Za-z0-9_-]{2,267}$"},
    "example": "dTE",
}
_READER_ID: Final[Schema] = {"type": "string", "minLength": 1, "maxLength": limits.READER_ID.default}
_COUNT: Final[Schema] = {"type": "integer", "minimum": 0}


def site_paths(do: Schema) -> Schema:
    """`do`: an operation as it comes over HTTP."""
    return {
        "/v1/operations": {"post": _bulk(do)},
        "/v1/chats": {"get": _chats()},
        "/v1/bans": {
            "get": {
                "operationId": "listBans",
                "summary": "Readers who may not write any more, by id",
                "description": "Needs the scope `admin`. `next` is the `after` of the next answer.",
                "parameters": [query("after", _READER_ID, "The reader behind whom to go on."), _limit()],
                "responses": json_answer("Banned readers.", "Bans", None) | problems(*ANY_REQUEST),
            }
        },
        "/v1/readers/{reader}/ban": {
            "parameters": [_READER],
            "put": {
                "operationId": "banReader",
                "summary": "Let a reader write no more",
                "description": "Needs the scope `admin`. Holds at once, on every gateway, also for connections that "
                "are open: operations are refused with `banned`. Banning again changes reason and end.",
                "requestBody": {
                    "content": {"application/json": {"schema": {"$ref": REF.format(name="BanWish")}}},
                },
                "responses": json_answer("The ban.", "Ban", None) | problems(*ANY_REQUEST, "too-big", "bad-frame"),
            },
            "delete": {
                "operationId": "unbanReader",
                "summary": "Let a reader write again",
                "description": "Needs the scope `admin`.",
                "responses": {"204": {"description": "Lifted.", "headers": CORS}} | problems(*ANY_REQUEST, "not-found"),
            },
        },
        "/v1/readers/{reader}": {
            "parameters": [_READER],
            "delete": {
                "operationId": "eraseReader",
                "summary": "Erase everything that a reader wrote, the reader's name and reactions",
                "description": "Needs the scope `admin`. Clients are told live. Asking again is harmless.",
                "responses": json_answer("Erased.", "Erased", {"chats": 3}) | problems(*ANY_REQUEST),
            },
        },
        "/v1/export": {"get": _export()},
        "/v1/import": {"post": _import()},
    }


def _bulk(do: Schema) -> Schema:
    item = {
        **do,
        "oneOf": [{**one, "required": sorted({*one["required"], "page"})} for one in do["oneOf"]],
    }
    example = [{"page": examples.PAGE, **examples.OPERATIONS["new-chat"]}]
    return {
        "operationId": "performMany",
        "summary": "Many changes",
        "description": "Needs the scope `admin`. Each operation is one `do` with its `page`; each has an outcome of "
        "its own, and a bad one never makes another one fail. Those for one page take effect in order. Sending the "
        "same `broadcastId`s again is harmless. An `error` of `internal` means that its outcome is unknown.",
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": {
                        "type": "object",
                        "properties": {
                            "operations": {
                                "type": "array",
                                "maxItems": limits.BULK_OPERATIONS.default,
                                "items": item,
                            }
                        },
                        "required": ["operations"],
                    },
                    "example": {"operations": example},
                }
            },
        },
        "responses": json_answer("The outcome of each, in order.", "Results", None)
        | problems(*ANY_REQUEST, "bad-frame", "too-big"),
    }


def _chats() -> Schema:
    return {
        "operationId": "listChats",
        "summary": "Discussions of all pages, newest first",
        "description": "Needs the scope `admin`. A search by `text` may answer with fewer than `limit`, or none, and "
        "still have a `next`: it looks through so many discussions at once.",
        "parameters": [
            query("page", {"type": "string"}, "Of this page."),
            query("site", {"type": "string"}, "Of the pages of an origin, like https://acme.test."),
            query("state", {"enum": list(STATES)}, "Without it: open and resolved ones."),
            query("author", {"type": "string"}, "With a comment by this reader (`sub`)."),
            query("from", SEQ, "Begun at or after this time, in milliseconds since the epoch."),
            query("to", SEQ, "Begun before."),
            query(
                "text",
                {"type": "string", "maxLength": LONGEST_TEXT},
                "In which a comment holds this, in whatever case; with `author`, one of theirs.",
            ),
            _limit(),
            query("cursor", {"type": "string"}, "The `next` of the last answer."),
        ],
        "responses": json_answer("A part of the list.", "ChatList", None) | problems(*ANY_REQUEST),
    }


def _limit() -> Schema:
    return query("limit", {"type": "integer", "minimum": 1, "maximum": MOST, "default": USUAL}, "At most so many.")


def _export() -> Schema:
    return {
        "operationId": "exportTenant",
        "summary": "Everything of the tenant, as of one moment",
        "description": "Needs the scope `admin`. Streamed. A whole JSON Lines file ends with a line of the kind `end`; "
        "an annotation page with the end of its object. Bans are in the first only.",
        "parameters": [query("format", {"enum": ["jsonl", "annotations"], "default": "jsonl"}, "How.")],
        "responses": {
            "200": {
                "description": "The file.",
                "headers": CORS,
                "content": {
                    "application/x-ndjson": {"schema": {"type": "string"}},
                    "application/ld+json": {"schema": {"type": "object"}},
                },
            }
        }
        | problems(*ANY_REQUEST),
    }


def _import() -> Schema:
    return {
        "operationId": "importTenant",
        "summary": "Take in what an export wrote",
        "description": "Needs the scope `admin`. What has come in already is known by its ids: after a broken "
        "connection send the same file again. Lines that cannot be taken are named in the answer; the others are in.",
        "requestBody": {
            "required": True,
            "content": {
                "application/x-ndjson": {"schema": {"type": "string"}},
                "application/ld+json": {"schema": {"type": "object"}},
            },
        },
        "responses": json_answer("What became of it.", "Imported", None)
        | problems(*ANY_REQUEST, "bad-frame", "too-big", "suspended", "over-quota"),
    }


def _object(description: str, properties: Schema, *optional: str) -> Schema:
    return {
        "description": description,
        "type": "object",
        "properties": properties,
        "required": [name for name in properties if name not in optional],
    }


def site_schemas() -> dict[str, Schema]:
    """By name."""
    text: Any = {"type": "string"}
    next_one = {"type": ["string", "null"], "description": "Where to go on; null: that is all."}
    ban = {"reader": _READER_ID, "at": TIME, "reason": {**text, "maxLength": limits.NAME.default}, "until": TIME}
    error = _object(
        "Why it was not done.", {"code": text, "message": text, "help": text, "retryInMs": _COUNT}, "retryInMs"
    )
    chat = {
        "page": PAGE_NAME,
        "id": UUID,
        "seq": SEQ,
        "state": {"enum": ["open", "resolved"]},
        "hidden": {"type": "boolean"},
        "anchor": {"$ref": REF.format(name="Anchor")},
        "by": {"$ref": REF.format(name="Author")},
        "at": TIME,
        "comments": {**_COUNT, "description": "How many there are, the first included."},
        "text": {**text, "description": "The first comment's."},
    }
    return {
        "Ban": _object("A reader who may not write.", ban, "reason", "until"),
        "BanWish": _object(
            "`until`: milliseconds since the epoch; without it, until it is lifted.",
            {"reason": {"type": ["string", "null"], "maxLength": 200}, "until": {"type": ["integer", "null"]}},
            "reason",
            "until",
        ),
        "Bans": _object(
            "A part of the list.",
            {"bans": {"type": "array", "items": {"$ref": REF.format(name="Ban")}}, "next": next_one},
        ),
        "ChatList": _object(
            "A part of the list.",
            {"chats": {"type": "array", "items": _object("A discussion.", chat)}, "next": next_one},
        ),
        "Erased": _object("In how many chats something was.", {"chats": _COUNT}),
        "Imported": _object(
            "`existed`: known already, and left as it was. `complete`: the end of the file was there.",
            {
                "imported": {**_COUNT, "description": "Discussions; a large one counts for each part."},
                "existed": _COUNT,
                "bans": _COUNT,
                "refused": _COUNT,
                "complete": {"type": "boolean"},
                "problems": {
                    "type": "array",
                    "items": _object("A line that was refused.", {"line": _COUNT, "code": text, "message": text}),
                },
            },
        ),
        "Results": _object(
            "In the order of the operations.",
            {
                "results": {
                    "type": "array",
                    "items": _object(
                        "`seq`, or `error`.",
                        {"broadcastId": text, "page": text, "seq": SEQ, "error": error},
                        "broadcastId",
                        "page",
                        "seq",
                        "error",
                    ),
                }
            },
        ),
    }
