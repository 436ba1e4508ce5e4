"""Dying at each await: a coroutine is run in a process that is gone at its first, second, third … suspension.

    python -m kit.crash MODULE:FUNCTION [ARGUMENT …]

forks a child for each number until one comes to the end. FUNCTION takes the arguments and returns a coroutine.
"""

import asyncio
import importlib
import os
import subprocess
import sys
import types
from collections.abc import Coroutine, Generator
from pathlib import Path
from typing import Any

#: Exit status of a child that died where it should.
DIED = 137
#: Suspensions. More, and something goes round in circles.
MOST = 500


@types.coroutine
def dying_at(number: int, work: Coroutine[Any, Any, None]) -> Generator[Any, Any, None]:
    """Do the work; the process is gone when it would wait for the `number`-th time, whatever is on its way."""
    value, problem = None, None
    for waited in range(1, MOST):
        try:
            waiting = work.throw(problem) if problem is not None else work.send(value)
        except StopIteration:
            return
        if waited == number:
            os._exit(DIED)
        value, problem = None, None
        try:
            value = yield waiting
        except BaseException as thrown:
            problem = thrown
    raise AssertionError("it never ends")


def die_everywhere(where: str, *arguments: str) -> int:
    """Run `kit.crash` to its end. The number of places at which it died."""
    root = Path(__file__).parents[2]
    folders = [str(path) for path in sorted((root / "tests").iterdir()) if path.is_dir()]
    rooms = [str(root / room) for room in ("common", "gateway", "billing", "tests")]
    done = subprocess.run(
        [sys.executable, "-m", "kit.crash", where, *arguments],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([*rooms, *folders])},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return int(done.stdout.split()[-1])  # what was logged stands before it


def main(where: str, *arguments: str) -> int:
    module, _, name = where.partition(":")
    function = getattr(importlib.import_module(module), name)
    for number in range(1, MOST):
        child = os.fork()
        if child == 0:
            asyncio.run(_run(number, function(*arguments)))
            os._exit(0)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if status == 0:
            print(number - 1)
            return 0
        if status != DIED:
            return 1
    return 1


async def _run(number: int, work: Coroutine[Any, Any, None]) -> None:
    await dying_at(number, work)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
