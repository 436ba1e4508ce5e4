"""XML, written: elements in the order they are given, and nothing for what is empty."""

from collections.abc import Iterable
from xml.sax.saxutils import escape, quoteattr

HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'


def element(name: str, content: "str | Iterable[str] | None", **attributes: str) -> str:
    """`name` may have its prefix. Without content there is no element: EN 16931 forbids empty ones."""
    inner = escape(content) if isinstance(content, str) else "".join(content or ())
    return f"<{name}{_written(attributes)}>{inner}</{name}>" if inner else ""


def _written(attributes: dict[str, str]) -> str:
    return "".join(f" {name}={quoteattr(value)}" for name, value in attributes.items())
