"""JSON Schemas of everything on the wire, made from the types that encode and decode it."""

import inspect
from typing import Any, Final, TypeAlias, get_args

import msgspec

from parley import limits
from parley.client_frames import ClientFrame
from parley.errors import CODES
from parley.server_frames import Event, ServerFrame
from parley_gateway.core.operation import NEEDS

Schema: TypeAlias = dict[str, Any]

REF: Final = "#/components/schemas/{name}"
UUID: Final[Schema] = {
    "type": "string",
    "format": "uuid",
    "pattern": "^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$",
}
PAGE_NAME: Final[Schema] = {
    "type": "string",
    "minLength": 1,
    "maxLength": limits.PAGE_NAME.default,
    "description": f"Any UTF-8 of at most {limits.PAGE_NAME.default} bytes without NUL, compared byte for byte; "
    "usually the page's address.",
}
EPOCH: Final[Schema] = {"type": "string", "maxLength": 64, "description": "Opaque: compare, never interpret."}
SEQ: Final[Schema] = {"type": "integer", "minimum": 0, "maximum": 2**53 - 1}
TIME: Final[Schema] = {"type": "integer", "minimum": 0, "description": "Milliseconds since the Unix epoch."}

#: Members that mean the same wherever they stand.
_MEMBERS: Final[dict[str, Schema]] = {
    "page": PAGE_NAME,
    "broadcastId": UUID,
    "epoch": EPOCH,
    "seq": SEQ,
    "after": SEQ,
    "at": TIME,
    "text": {"type": "string", "minLength": 1, "maxLength": limits.TEXT.default},
    "emoji": {"type": "string", "minLength": 1, "maxLength": limits.EMOJI.default},
    "readers": {"type": "integer", "minimum": 0},
    "withinMs": {"type": "integer", "minimum": 0},
    "renewInMs": {"type": "integer", "minimum": 0},
    "retryInMs": {"type": "integer", "minimum": 0},
    "merged": {"type": "array", "items": UUID},
    "gone": {"type": "array", "items": UUID},
    "client": UUID,
}
#: (schema, member) → what the types leave open because such members are encoded elsewhere, or checked later.
_EXACT: Final[dict[tuple[str, str], Schema]] = {
    ("Page", "chats"): {"type": "array", "items": {"$ref": REF.format(name="Chat")}},
    ("Live", "events"): {"type": "array", "items": {"$ref": REF.format(name="Event")}},
    ("Hello", "v"): {"const": 1},
    ("Welcome", "v"): {"const": 1},
    ("Error", "code"): {"enum": sorted(CODES)},
    ("Do", "op"): {"enum": list(NEEDS)},
    ("Do", "chat"): UUID,
    ("Do", "comment"): UUID,
    ("Chat", "id"): UUID,
    ("Comment", "id"): UUID,
    ("Quote", "exact"): {
        "type": "string",
        "minLength": 1,
        "description": f"Over {limits.QUOTE.default} characters, a gateway keeps its head here and its end in `tail`.",
    },
    ("Quote", "prefix"): {"type": "string", "maxLength": limits.CONTEXT.default},
    ("Quote", "suffix"): {"type": "string", "maxLength": limits.CONTEXT.default},
    ("Quote", "tail"): {"type": "string", "maxLength": limits.QUOTE.default},
    ("Quote", "length"): {"type": "integer", "minimum": 1, "maximum": 2**31 - 1},
    ("Position", "start"): {"type": "integer", "minimum": 0, "maximum": 2**31 - 1},
    ("Position", "end"): {"type": "integer", "minimum": 0, "maximum": 2**31 - 1},
    ("Anchor", "hint"): {
        "description": f"Any JSON of at most {limits.HINT.default} bytes; for the client alone, stored as it is."
    },
}


def frame_name(frame: type) -> str:
    """The `t` of a frame's type."""
    tag = frame.__struct_config__.tag  # type: ignore[attr-defined]
    return str(tag)


CLIENT_TYPES: Final[dict[str, type]] = {frame_name(frame): frame for frame in get_args(ClientFrame)}
SERVER_TYPES: Final[dict[str, type]] = {frame_name(frame): frame for frame in get_args(ServerFrame)}


def components() -> dict[str, Schema]:
    """Every wire type by name, `Do` as one alternative for each op."""
    _, made = msgspec.json.schema_components([*CLIENT_TYPES.values(), *SERVER_TYPES.values(), Event], ref_template=REF)
    schemas = {name: _refine(name, schema) for name, schema in made.items()}
    schemas["Do"] = _operations(schemas["Do"])
    return dict(sorted(schemas.items()))


def operation_body(do: Schema) -> Schema:
    """`Do` as the body of an HTTP request, where `t` and `page` may be left out: the address says them."""
    return {
        **do,
        "oneOf": [
            {**one, "required": [name for name in one["required"] if name not in ("t", "page")]} for one in do["oneOf"]
        ],
    }


def _refine(name: str, schema: Schema) -> Schema:
    schema = {key: value for key, value in schema.items() if key != "title"}
    if "description" in schema:
        schema["description"] = inspect.cleandoc(schema["description"])
    schema["properties"] = {
        member: _EXACT.get((name, member)) or _MEMBERS.get(member) or _plain(value)
        for member, value in schema.get("properties", {}).items()
    }
    return schema


def _plain(value: Schema) -> Schema:
    """Without null and defaults: what is not said is left out, on the wire and here."""
    value = {key: inner for key, inner in value.items() if key != "default"}
    if "anyOf" in value:
        options = [option for option in value["anyOf"] if option != {"type": "null"}]
        value = _plain(options[0]) if len(options) == 1 else {"anyOf": options}
    if len(value.get("enum", ())) == 1:
        value = {"const": value["enum"][0]}
    return value


def _operations(do: Schema) -> Schema:
    """What each op needs, said exactly."""
    members = do["properties"]
    always = ["t", "page", "broadcastId", "op"]
    return {
        "description": "One change: what `op` names, with the members that it needs. Unknown members are ignored.",
        "type": "object",
        "oneOf": [
            {
                "title": op,
                "type": "object",
                "properties": {
                    **{name: members[name] for name in always},
                    "op": {"const": op},
                    **{name: members[name] for name in needs},
                },
                "required": [*always, *needs],
            }
            for op, needs in NEEDS.items()
        ],
    }
