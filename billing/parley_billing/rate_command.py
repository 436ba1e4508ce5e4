"""``parley rate``: what the rating engine makes of a file of cases. For trying plans out, and for checking us."""

import json
from datetime import tzinfo
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import click

from parley.money import plain
from parley_billing.core.rating.case_config import Json
from parley_billing.core.rating.cases import Answer, answer

#: Bytes. A case has a few hundred; what is larger is some other file, and is not read.
LARGEST_FILE: Final = 64 * 1024 * 1024


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--formula", is_flag=True, help="Also say how each amount came about.")
def rate(file: Path, formula: bool) -> None:
    """Rate the cases of FILE (JSON) and print one line of JSON for each.

    FILE holds {"rating": [{"id", "model", "config", "quantity"}, …]}; docs/rating.md lists the models and their
    configs. A line is {"id", "amount"}, the amount as an exact decimal string, or {"id", "error"} for a case that
    cannot be rated.
    """
    for place, case in enumerate(_cases(file)):
        click.echo(_line(answer(case, place, zone), formula))


def zone(name: str) -> tzinfo:
    """The time zone of that name. Raises `KeyError` when the database has none."""
    try:
        return ZoneInfo(name)
    except (ValueError, OSError) as problem:  # no name at all, or that of a folder
        raise KeyError(name) from problem


def _cases(file: Path) -> list[Json]:
    try:
        with file.open("rb") as opened:
            data = opened.read(LARGEST_FILE + 1)
    except OSError as problem:
        raise click.ClickException(f"{file} cannot be read: {problem.strerror}.") from None
    if len(data) > LARGEST_FILE:
        raise click.ClickException(f"{file} is larger than {LARGEST_FILE} bytes.")
    try:
        read = json.loads(
            data.decode("utf-8-sig"),
            parse_int=_number,
            parse_float=_number,
            parse_constant=_number,
            object_pairs_hook=_object,
        )
    except UnicodeDecodeError:
        raise click.ClickException(f"{file} is not UTF-8.") from None
    except json.JSONDecodeError as problem:
        where = f"line {problem.lineno}, column {problem.colno}"
        raise click.ClickException(f"{file} is not JSON ({where}: {problem.msg}).") from None
    except (_Twice, _TooLong) as problem:
        raise click.ClickException(f"{file}: {problem}") from None
    except RecursionError:
        raise click.ClickException(f"{file} is nested too deeply.") from None
    cases = read.get("rating") if isinstance(read, dict) else None
    if not isinstance(cases, list):
        raise click.ClickException(f"{file} has no list `rating`.")
    return cases


class _Twice(Exception):
    """A member is there twice; which one would count is anybody's guess."""


class _TooLong(Exception):
    """A number that no Decimal can hold."""


def _number(text: str) -> Decimal:
    """Never a float, and never rounded."""
    try:
        return Decimal(text)
    except InvalidOperation:
        raise _TooLong(f"The number {text[:40]} cannot be read.") from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise _Twice(f"The member {name[:60]!r} is there twice in one object.")
        found[name] = value
    return found


def _line(answered: Answer, formula: bool) -> bytes:
    said: dict[str, Any] = {"id": answered.id}
    if answered.result is None:
        said["error"] = answered.error
    else:
        said["amount"] = plain(answered.result.value)
        if answered.result.parts is not None:
            said["parts"] = answered.result.parts
        if formula:
            said["formula"] = answered.result.formula
    try:
        return json.dumps(said, ensure_ascii=False).encode()
    except UnicodeEncodeError:  # an id with half a surrogate pair, which only an escape can say
        return json.dumps(said).encode()
