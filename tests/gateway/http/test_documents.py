"""The generated documents: current, valid, complete, and true to the types."""

import json
from pathlib import Path
from typing import Any

import jsonschema_rs
import msgspec
import pytest

from parley import limits
from parley.client_frames import Do, parse
from parley.errors import CODES, CloseCode
from parley.pages import decode_page
from parley.server_frames import ServerFrame
from parley_gateway.core import asyncapi, examples, openapi
from parley_gateway.core.operation import NEEDS
from parley_gateway.core.schemas import CLIENT_TYPES, SERVER_TYPES, components
from parley_gateway.documents import DOCUMENTS, text

DOCS = Path(__file__).parents[3] / "docs"


def validator(name: str) -> jsonschema_rs.Validator:
    """Of one schema of the components."""
    return jsonschema_rs.validator_for(
        {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "$ref": f"#/components/schemas/{name}",
            "components": {"schemas": components()},
        }
    )


@pytest.mark.parametrize("name", sorted(DOCUMENTS))
def test_the_document_in_the_repository_is_current(name: str) -> None:
    assert (DOCS / name).read_text() == text(name), "run: python -m parley_gateway.documents docs"


def references(value: Any) -> set[str]:
    if isinstance(value, dict):
        found = {value["$ref"]} if isinstance(value.get("$ref"), str) else set()
        return found.union(*(references(inner) for inner in value.values())) if value else found
    if isinstance(value, list):
        return set().union(*(references(inner) for inner in value)) if value else set()
    return set()


@pytest.mark.parametrize("document", [openapi.document(), asyncapi.document()], ids=["openapi", "asyncapi"])
def test_every_reference_leads_somewhere(document: Any) -> None:
    found = references(document)
    assert found
    for reference in found:
        place = document
        for step in reference.removeprefix("#/").split("/"):
            place = place[step]


def test_every_schema_is_one() -> None:
    for name, schema in (components() | openapi.document()["components"]["schemas"]).items():
        jsonschema_rs.meta.validate({"$schema": "https://json-schema.org/draft/2020-12/schema", **schema})
        assert schema.get("description"), name


def test_every_client_frame_has_an_example_that_the_gateway_takes() -> None:
    assert set(examples.CLIENT_FRAMES) == set(CLIENT_TYPES)
    for name, frames in examples.CLIENT_FRAMES.items():
        for frame in frames:
            assert isinstance(parse(json.dumps(frame).encode()), CLIENT_TYPES[name])
            validator(CLIENT_TYPES[name].__name__).validate(frame)


def test_every_server_frame_has_an_example_of_its_type() -> None:
    assert set(examples.SERVER_FRAMES) == set(SERVER_TYPES)
    for name, frames in examples.SERVER_FRAMES.items():
        for frame in frames:
            # `Raw` members can only be decoded from bytes.
            assert isinstance(msgspec.json.decode(json.dumps(frame), type=ServerFrame), SERVER_TYPES[name])
            validator(SERVER_TYPES[name].__name__).validate(frame)


def test_the_schema_of_do_says_what_each_op_needs() -> None:
    check = validator("Do")
    for op, needs in NEEDS.items():
        frame = {"t": "do", "page": examples.PAGE, **examples.OPERATIONS[op]}
        assert check.is_valid(frame)
        for member in ("broadcastId", *needs):
            assert not check.is_valid({name: value for name, value in frame.items() if name != member}), (op, member)
    assert set(examples.OPERATIONS) == set(NEEDS)
    named = {field.encode_name for field in msgspec.structs.fields(Do)}
    assert {member for needs in NEEDS.values() for member in needs} <= named


def test_openapi_shows_every_path_its_examples_hold_and_its_codes_have_their_status() -> None:
    document = openapi.document()
    paths = {f"/v1/pages/{{page}}/{name}" for name in ("chats", "operations", "changes", "events")}
    assert paths <= set(document["paths"])
    parameter = document["paths"]["/v1/pages/{page}/chats"]["parameters"][0]
    assert decode_page(parameter["example"]) == examples.PAGE
    schemas = {name: jsonschema_rs.validator_for(with_all(document, name)) for name in ("Page", "Ack", "Problem")}
    schemas["Page"].validate(examples.PAGE_FRAME)
    schemas["Ack"].validate(examples.ACK)
    for path, methods in document["paths"].items():
        for method in ("get", "post"):
            for status, response in methods.get(method, {}).get("responses", {}).items():
                shown = response.get("content", {}).get("application/problem+json", {}).get("examples", {})
                for code, example in shown.items():
                    assert str(CODES[code].status) == status, (path, code)
                    schemas["Problem"].validate(example["value"])
    assert document["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"


def with_all(document: Any, name: str) -> Any:
    return {"$ref": f"#/components/schemas/{name}", "components": document["components"]}


def test_asyncapi_shows_every_frame_both_ways() -> None:
    document = asyncapi.document()
    shown = {
        (operation["action"], reference["$ref"].rpartition("/")[2])
        for operation in document["operations"].values()
        for reference in operation["messages"]
    }
    assert shown == {("receive", f"client.{name}") for name in CLIENT_TYPES} | {
        ("send", f"gateway.{name}") for name in SERVER_TYPES
    }
    assert set(document["info"]["x-close-codes"]) == {str(int(code)) for code in CloseCode}
    assert set(document["info"]["x-error-codes"]) == set(CODES)
    assert set(document["info"]["x-limits"]) == {limit.name for limit in limits.ALL}


def rows(heading: str) -> dict[str, list[str]]:
    """The first table under a heading of docs/protocol.md: first cell → the others."""
    section = (DOCS / "protocol.md").read_text().split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in section.splitlines() if line[:1] == "|"]
    return {row[0].strip("`"): row[1:] for row in cells[2:]}


def test_the_protocols_text_names_every_frame_code_and_limit() -> None:
    protocol = (DOCS / "protocol.md").read_text()
    assert set(rows("Frames from a client")) == set(CLIENT_TYPES)
    assert set(rows("Frames from a gateway")) == set(SERVER_TYPES)
    assert set(rows("Operations")) == set(NEEDS)
    codes = rows("Error codes")
    assert {code: row[0] for code, row in codes.items()} == {code: str(entry.status) for code, entry in CODES.items()}
    assert {code: row[1] for code, row in codes.items()} == {
        code: str(int(entry.close)) if entry.close else "–" for code, entry in CODES.items()
    }
    assert set(rows("Close codes")) == {str(int(code)) for code in CloseCode}
    told = rows("Limits")
    assert {name: row[:2] for name, row in told.items()} == {
        limit.name: [f"{limit.default:,}", limit.unit] for limit in limits.ALL
    }
    assert {name for name, row in told.items() if row[2] == "yes"} == {
        limit.name for limit in limits.ALL if limit.per_tenant
    }
    for number in range(1, 13):
        assert f"\n{number}. **" in protocol, f"rule {number}"
    for path in openapi.document()["paths"]:
        assert path in protocol, path
    for frame in (*CLIENT_TYPES.values(), *SERVER_TYPES.values()):
        for field in msgspec.structs.fields(frame):
            assert f"`{field.encode_name}`" in protocol, (frame, field.encode_name)
