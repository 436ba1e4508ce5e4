"""Pieces of the OpenAPI document that all its paths use."""

from typing import Any, Final

from parley.errors import CODES
from parley_gateway.core.schemas import REF, Schema

#: Codes that any request with a token can be answered with.
ANY_REQUEST: Final = (
    "bad-field",
    "token-invalid",
    "token-expired",
    "forbidden",
    "origin-refused",
    "over-limit",
    "unavailable",
    "internal",
)
CORS: Final[Schema] = {
    "Access-Control-Allow-Origin": {
        "description": "Any site's script may read it; only the token decides.",
        "schema": {"const": "*"},
    }
}


def query(name: str, schema: Schema, description: str = "") -> Schema:
    return {
        "name": name,
        "in": "query",
        "description": description or schema.get("description", f"The `{name}` of the last `page` or `live`."),
        "schema": {key: value for key, value in schema.items() if key != "description"},
    }


def json_answer(description: str, name: str, example: Any) -> Schema:
    content: Schema = {"schema": {"$ref": REF.format(name=name)}}
    if example is not None:
        content["example"] = example
    return {"200": {"description": description, "headers": CORS, "content": {"application/json": content}}}


def problems(*codes: str) -> Schema:
    """Responses by status, with one example for each code."""
    by_status: dict[str, list[str]] = {}
    for code in codes:
        by_status.setdefault(str(CODES[code].status), []).append(code)
    return {
        status: {
            "description": " ".join(f"`{code}`: {CODES[code].message}" for code in there),
            "headers": CORS | (_retry() if status in ("429", "503") else {}),
            "content": {
                "application/problem+json": {
                    "schema": {"$ref": REF.format(name="Problem")},
                    "examples": {code: {"value": _problem_example(code)} for code in there},
                }
            },
        }
        for status, there in sorted(by_status.items())
    }


def _retry() -> Schema:
    return {"Retry-After": {"description": "Seconds.", "schema": {"type": "integer", "minimum": 0}}}


def _problem_example(code: str) -> Schema:
    entry = CODES[code]
    return {
        "type": "about:blank",
        "title": entry.message,
        "status": entry.status,
        "code": code,
        "message": entry.message,
        "help": entry.help,
    }
