"""No bytes of a stranger break a parser: sixty seconds for each here, ten minutes each night, by the clock.

Repeat a finding with `python -m kit.fuzz_run TARGET --seed SEED`; what it found belongs into `corpus/TARGET.txt`.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from kit.fuzz_run import CORPUS
from kit.fuzz_targets import TARGETS
from kit.fuzzing import Fuzzer, Target, read_corpus, write_corpus
from kit.gateway import ROOMS

#: Seconds beyond the fuzzing, for starting and for a loaded machine.
GRACE = 60
#: Bytes of one target's corpus in the repository.
SMALL = 65_536


class Fuzzing:
    """All targets at the same time: what counts is the clock, and each needs a process of its own anyway."""

    def __init__(self, seconds: int) -> None:
        self._seconds = seconds
        path = os.pathsep.join([ROOMS, str(Path(__file__).parents[1])])
        self._running = {
            name: subprocess.Popen(
                [sys.executable, "-m", "kit.fuzz_run", name, "--seconds", str(seconds)],
                env={**os.environ, "PYTHONPATH": path},
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
            for name in TARGETS
        }

    def result(self, name: str) -> tuple[int, str]:
        process = self._running[name]
        said, _ = process.communicate(timeout=self._seconds + GRACE)
        return process.returncode, said

    def end(self) -> None:
        for process in self._running.values():
            process.kill()
            process.communicate()


@pytest.fixture(scope="module", params=[60, pytest.param(600, marks=pytest.mark.nightly)], ids=["minute", "night"])
def fuzzing(request: pytest.FixtureRequest) -> Iterator[Fuzzing]:
    made = Fuzzing(request.param)
    yield made
    made.end()


@pytest.mark.parametrize("name", TARGETS)
def test_no_input_breaks(fuzzing: Fuzzing, name: str) -> None:
    status, said = fuzzing.result(name)
    print(said)
    assert status == 0, said


@pytest.mark.parametrize("name", TARGETS)
def test_the_corpus_is_kept_and_small_and_finds_nothing(name: str) -> None:
    path = CORPUS / f"{name}.txt"
    assert path.stat().st_size <= SMALL
    report = Fuzzer(TARGETS[name], read_corpus(path), 1).fuzz(0)
    assert report.executions >= 5 and report.finding is None, report.finding


def _crash_at_magic(data: bytes) -> None:
    at = 0
    while data[at : at + 1] == b"Mag"[at : at + 1]:
        at += 1
        if at == 1:
            continue
        if at == 3:
            raise ZeroDivisionError


def test_the_fuzzer_finds_what_only_coverage_leads_to_and_repeats_it(tmp_path: Path) -> None:
    target = Target("magic", _crash_at_magic, [__file__])
    found = [Fuzzer(target, [b"xxxx"], 7).fuzz(60) for _ in range(2)]
    assert found[0].finding is not None and b"Mag" in found[0].finding.data
    assert found[1].finding is not None and found[1].finding.data == found[0].finding.data
    write_corpus(tmp_path / "c.txt", [b"\xff\n\\", b"", b"a"])
    assert read_corpus(tmp_path / "c.txt") == [b"", b"a", b"\xff\n\\"]
