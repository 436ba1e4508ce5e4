"""What crashes is started again, a little later each time; what cannot start is given up with the reason."""

import asyncio
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from kit.waiting import until
from parley_runtime.demo import supervisor
from parley_runtime.demo.supervisor import exit_reason, keep_running
from parley_runtime.embedded import Child, SetupProblem


class Sleeper:
    """A real process that stays, or one that ends at once with a reason in its log."""

    def __init__(self, log: Path, code: str) -> None:
        self.name = "sleeper"
        self.starts = 0
        self._log = log
        self._code = code
        self.restart()

    def restart(self) -> None:
        self.child = Child([sys.executable, "-I", "-S", "-c", self._code], log=self._log)
        self.starts += 1

    @property
    def running(self) -> bool:
        return self.child.running

    def why_ended(self) -> str:
        return f"{exit_reason(self.child.poll())}: {self.child.last_words(1)}"


@pytest.fixture(autouse=True)
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "LOOK_EVERY", 0.005)
    monkeypatch.setattr(supervisor, "FIRST_PAUSE", 0.01)


@pytest.fixture
def sleeper(tmp_path: Path) -> Iterator[Sleeper]:
    made = Sleeper(tmp_path / "log", "import time; time.sleep(600)")
    yield made
    made.child.kill()


async def test_a_killed_child_is_started_again_and_it_is_said(
    sleeper: Sleeper, capfd: pytest.CaptureFixture[str]
) -> None:
    keeping = asyncio.create_task(keep_running(sleeper, lambda: True))
    for starts in (2, 3):
        sleeper.child.kill()
        await until(lambda starts=starts: sleeper.starts >= starts and sleeper.running)  # type: ignore[misc]
    keeping.cancel()
    await asyncio.gather(keeping, return_exceptions=True)
    said = capfd.readouterr()
    assert said.err.count("The sleeper ended (killed by SIGKILL") == 2
    assert "in 0.01 s" in said.err and "in 0.02 s" in said.err
    assert said.out == ""


async def test_a_child_that_never_starts_is_given_up_with_its_last_words(tmp_path: Path) -> None:
    failing = Sleeper(tmp_path / "log", "import sys; sys.exit('no such table')")
    with pytest.raises(SetupProblem, match="sleeper does not start: exit status 1: no such table"):
        async with asyncio.timeout(20):
            await keep_running(failing, lambda: False)
    assert failing.starts == supervisor.HOPELESS_AFTER


async def test_a_child_that_was_ready_once_is_never_given_up(tmp_path: Path) -> None:
    failing = Sleeper(tmp_path / "log", "raise SystemExit(1)")
    keeping = asyncio.create_task(keep_running(failing, lambda: True))
    await until(lambda: failing.starts > supervisor.HOPELESS_AFTER)
    assert not keeping.done()
    keeping.cancel()
    await asyncio.gather(keeping, return_exceptions=True)
    failing.child.kill()


@pytest.mark.parametrize(
    ("status", "words"), [(None, "still running"), (-9, "killed by SIGKILL"), (2, "exit status 2")]
)
def test_exit_statuses_in_words(status: int | None, words: str) -> None:
    assert exit_reason(status) == words
