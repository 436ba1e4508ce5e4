"""The ``parley`` command: its own commands, and those that the installed rooms bring along.

Everything is imported when it is asked for: `parley --version` must not wait for a database driver.
"""

import importlib
from collections.abc import Callable
from importlib.metadata import EntryPoint, entry_points
from typing import Any

import click

from parley import __version__

# Rooms register their commands here, so that this package imports no room.
ENTRY_POINTS = "parley.commands"

OWN = {
    "audit": "parley_runtime.cli.audit:audit",
    "demo": "parley_runtime.cli.demo:demo",
    "doctor": "parley_runtime.cli.doctor.command:doctor",
    "migrate": "parley_runtime.cli.migrate:migrate",
    "tenant": "parley_runtime.cli.tenant.command:tenant",
    "token": "parley_runtime.cli.token:token",
}


class Commands(click.Group):
    """Looks commands up by name, first our own, then the rooms'."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Every name, also of those that turn out to be broken: hiding them would puzzle."""
        return sorted({*OWN, *_rooms_commands()})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, or one that says in a sentence why it cannot be loaded. None: there is no such command."""
        if cmd_name in OWN:
            module, _, name = OWN[cmd_name].partition(":")
            return _load(cmd_name, lambda: getattr(importlib.import_module(module), name))
        point = _rooms_commands().get(cmd_name)
        return _load(cmd_name, point.load) if point is not None else None


def _rooms_commands() -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=ENTRY_POINTS)}


def _load(name: str, load: Callable[[], Any]) -> click.Command:
    try:
        command = load()
    except Exception as error:
        return _broken(name, f"{type(error).__name__}: {error}")
    if not isinstance(command, click.Command):
        return _broken(name, "it is no command")
    return command


def _broken(name: str, why: str) -> click.Command:
    sentence = f"`parley {name}` cannot be loaded ({why}). Install all of it: pip install 'parley[demo]'."

    def refuse() -> None:
        raise click.ClickException(sentence)

    # Takes whatever follows: the sentence is the answer to every option.
    return click.Command(
        name,
        callback=refuse,
        help=sentence,
        short_help="(cannot be loaded)",
        context_settings={"ignore_unknown_options": True, "allow_extra_args": True},
    )


@click.command(cls=Commands)
@click.version_option(__version__, prog_name="parley")
def main() -> None:
    """Discuss any piece of text on any web page, live."""
