"""The generated pages of docs/: settings, errors, limits, metrics. `python -m parley_runtime.reference` writes them.

Each page says nothing that the code does not say; a test compares them.
"""

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import click
from pydantic import SecretStr
from pydantic.fields import FieldInfo

from parley import limits, metrics
from parley.errors import CODES, CloseCode
from parley_runtime.settings import Settings

_NOTE = "<!-- Written by `python -m parley_runtime.reference` from the code: change it there. -->"

#: What each close code asks of a client.
_CLOSES = {
    CloseCode.RESTARTING: "The gateway stops. Reconnect, at a random moment within what `move` said.",
    CloseCode.MALFORMED: "The first frame was no valid `hello`, or a frame was binary. A fault of the client.",
    CloseCode.TOKEN: "The token is missing, invalid or expired. Get a new one, then reconnect.",
    CloseCode.NOT_ALLOWED: "Not allowed. Do not retry.",
    CloseCode.HELLO_TIMEOUT: "No `hello` in time. Reconnect.",
    CloseCode.TOO_SLOW: "The client reads too slowly. Reconnect and join with `since`.",
    CloseCode.FRAME_TOO_BIG: "A frame was too big. Do not send it again.",
    CloseCode.OVER_LIMIT: "Over a limit. Back off for `retryInMs` if given, then reconnect.",
}


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    head = list(head)
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines)


def _page(title: str, *parts: str) -> str:
    return "\n".join([_NOTE + "\n", f"# {title}\n", *parts])


def settings() -> str:
    """docs/settings.md"""
    rows = (
        (f"`PARLEY_{name.upper()}`", _default(field), _range(field), field.description or "")
        for name, field in Settings.model_fields.items()
    )
    return _page(
        "Settings",
        "Every process reads the same settings: first from the environment, then from the TOML file that\n"
        "`PARLEY_SETTINGS_FILE` names, where a setting has its name without `PARLEY_`, in small "
        "letters. A setting that\n"
        "cannot be used ends the process with a sentence that names it.\n",
        _table(("setting", "default", "allowed", "meaning"), rows),
    )


def _default(field: FieldInfo) -> str:
    value: Any = field.get_default(call_default_factory=True)
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    if value is None or value == "":
        return "none"
    shown = value if isinstance(value, str | Path) else json.dumps(value)
    return f"`{shown}`"


def _range(field: FieldInfo) -> str:
    kinds = ("ge", "le", "pattern")
    found = {kind: getattr(part, kind) for part in field.metadata for kind in kinds if hasattr(part, kind)}
    if found.get("pattern"):
        return ", ".join(f"`{word}`" for word in found["pattern"].strip("^$()").split("|"))
    if "ge" in found and "le" in found:
        return f"{found['ge']} to {found['le']}"
    return ""


def errors() -> str:
    """docs/errors.md"""
    codes = (
        (f"`{code.code}`", str(code.status), str(code.close.value) if code.close else "–", code.message, code.help)
        for code in CODES.values()
    )
    closes = ((str(close.value), _CLOSES[close]) for close in sorted(CloseCode))
    return _page(
        "Errors",
        "A program reads the code, a person the message and the help. Over HTTP an error is\n"
        "`application/problem+json` with the status below; on a socket it is an `error` frame. After an error nothing\n"
        "was changed, except after `internal`: there the outcome is unknown, and the same "
        "`broadcastId` is safe to send\n"
        "again.\n",
        _table(("code", "HTTP status", "close code", "message", "what to do"), codes),
        "The close code is used when the error ends the socket, which most do not: see the protocol.\n",
        "## Close codes\n",
        _table(("close code", "meaning, and what a client does"), closes),
        "The close reason is a short JSON object with `code` and, where it helps, `retryInMs`.\n",
    )


def limits_page() -> str:
    """docs/limits.md"""
    rows = (
        (
            f"`{limit.name}`",
            f"{limit.default:,}".replace(",", " "),
            limit.unit,
            "yes" if limit.per_tenant else "",
            limit.reason,
            limit.answer,
        )
        for limit in limits.ALL
    )
    return _page(
        "Limits",
        "Everything is bounded. A tenant's record may change those marked *per tenant*; the rest hold for everybody.\n"
        "The `welcome` frame tells a client the limits by these names.\n",
        _table(("limit", "default", "unit", "per tenant", "why", "what happens when it is reached"), rows),
    )


def metrics_page() -> str:
    """docs/metrics.md"""
    rows = (
        (f"`{metric.name}`", metric.kind, ", ".join(f"`{label}`" for label in metric.labels) or "–", metric.help)
        for metric in metrics.ALL
    )
    return _page(
        "Metrics",
        "Each process serves its own at `/metrics` in Prometheus's text format.\n",
        _table(("metric", "kind", "labels", "meaning"), rows),
    )


#: Page in docs/ → what makes its text.
PAGES: dict[str, Callable[[], str]] = {
    "settings.md": settings,
    "errors.md": errors,
    "limits.md": limits_page,
    "metrics.md": metrics_page,
}


@click.command()
@click.argument("directory", type=click.Path(path_type=Path, file_okay=False), default=Path("docs"))
def main(directory: Path) -> None:
    """Write the generated pages into DIRECTORY."""
    directory.mkdir(parents=True, exist_ok=True)
    for name, text in PAGES.items():
        (directory / name).write_text(text(), encoding="utf-8")


if __name__ == "__main__":
    main()
