"""The command line finds its own commands and the rooms', and says so when one is broken."""

from importlib.metadata import EntryPoint, EntryPoints

import pytest
from click.testing import CliRunner

from parley import __version__
from parley_runtime.cli import main as command


def invoke(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(command, list(arguments))
    return result.exit_code, result.output


def point_to(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    found = EntryPoints([EntryPoint(name="room", value=value, group="parley.commands")])
    monkeypatch.setattr("parley_runtime.cli.commands.entry_points", lambda group: found.select(group=group))


def test_the_version() -> None:
    assert invoke("--version") == (0, f"parley, version {__version__}\n")


@pytest.mark.parametrize("name", ["demo", "doctor", "token"])
def test_each_command_explains_itself(name: str) -> None:
    status, output = invoke(name, "--help")
    assert status == 0 and output.startswith(f"Usage: main {name}")


def test_a_rooms_command_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    point_to(monkeypatch, "parley_runtime.cli.token:token")
    assert "room" in invoke("--help")[1]
    assert "--reader" in invoke("room", "--help")[1]


@pytest.mark.parametrize("value", ["parley_absent.module:command", "parley_runtime.cli.token:absent", "json:dumps"])
def test_a_room_that_cannot_be_loaded_is_said_in_a_sentence(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    point_to(monkeypatch, value)
    status, output = invoke("room", "--any", "option")
    assert status == 1
    assert "`parley room` cannot be loaded" in output and "Traceback" not in output
    # The others are not hurt.
    assert invoke("--help")[0] == 0


def test_an_unknown_command_is_an_error() -> None:
    assert invoke("dance")[0] == 2
