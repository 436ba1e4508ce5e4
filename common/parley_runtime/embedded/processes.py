"""Looking at processes: alive, whose, and what they have started. The only file that imports psutil."""

import os
import signal
import time
from pathlib import Path

import psutil  # type: ignore[import-untyped]

# Between looks at processes that are not our children, so that nobody tells us of their end. Seconds.
LOOK_EVERY = 0.01


def is_running(pid: int, executable: Path | None = None) -> bool:
    """Whether `pid` is alive (a zombie is not), and is that executable when one is named.

    A pid found in a file may have been given to another program since: pass `executable` then.
    """
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return False
        return executable is None or _is(process, executable)
    except psutil.NoSuchProcess:
        return False


def _is(process: psutil.Process, executable: Path) -> bool:
    try:
        return Path(str(process.exe())).resolve() == executable.resolve()
    except psutil.AccessDenied:
        # A container's root may not ask that about another user's process; the command line is public.
        return bool(process.cmdline()[:1] == [str(executable)])


def descendants(pid: int) -> list[int]:
    """The pids of everything that `pid` has started and that still hangs below it."""
    try:
        return [child.pid for child in psutil.Process(pid).children(recursive=True)]
    except psutil.Error:
        return []


def signal_tree(pid: int, number: signal.Signals) -> None:
    """Send a signal to a process and all below it, parents first so that none starts another meanwhile."""
    for each in [pid, *descendants(pid)]:
        try:
            os.kill(each, number)
        except ProcessLookupError:
            continue


def wait_gone(pids: list[int], seconds: float) -> list[int]:
    """Wait until all of them have ended, at most `seconds`; the pids that still run.

    An orphan that ended stays a zombie until init looks; some containers' init looks once a second.
    """
    deadline = time.monotonic() + seconds
    while (alive := [pid for pid in pids if is_running(pid)]) and time.monotonic() < deadline:
        time.sleep(LOOK_EVERY)
    return alive
