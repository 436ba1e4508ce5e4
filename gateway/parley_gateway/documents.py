"""Writes the generated documents: `python -m parley_gateway.documents docs`."""

import sys
from pathlib import Path

import msgspec

from parley_gateway.core import asyncapi, openapi

DOCUMENTS = {"openapi.json": openapi.document, "asyncapi.json": asyncapi.document}


def text(name: str) -> str:
    """A document as it is kept in the repository: indented, so that changes can be read."""
    return msgspec.json.format(msgspec.json.encode(DOCUMENTS[name]()), indent=2).decode() + "\n"


if __name__ == "__main__":
    for document in DOCUMENTS:
        Path(sys.argv[1], document).write_text(text(document))
