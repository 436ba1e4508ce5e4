"""Runs as a process of its own: ends what a parent started when the parent has ended, however it ended.

It reads lines from standard input, whose other end only the parent (and, for a moment, each child before its
exec) holds: ``add PID`` and ``drop PID``. End of file means the parent is gone, by kill -9 too: then
everything added and not dropped is ended, with all that hangs below it. Processes are held with their start
time, so a pid that the system has given away since is never touched.

Start it with ``python -I watchman.py``; it imports nothing of Parley, so it starts fast.
"""

import contextlib
import signal
import sys
import time

import psutil  # type: ignore[import-untyped]

# A Postgres told to quit at once needs a moment to release its shared memory; after that there is no asking.
QUIT_SECONDS = 1.0
# Between looks whether they are gone. Seconds.
LOOK_EVERY = 0.01


def tree(process: psutil.Process) -> list[psutil.Process]:
    """A process and everything below it; empty when it is gone or its pid now belongs to another."""
    with contextlib.suppress(psutil.Error):
        if process.is_running():
            return [process, *process.children(recursive=True)]
    return []


def runs(process: psutil.Process) -> bool:
    """Whether it has not ended. A zombie has: it waits for init, which in some containers takes a second."""
    with contextlib.suppress(psutil.Error):
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    return False


def end(registered: list[psutil.Process]) -> None:
    """Ask everything to quit, then end what is left. Stopped (SIGSTOP) processes are woken to hear it."""
    doomed = [each for process in registered for each in tree(process)]
    for process in registered:
        with contextlib.suppress(psutil.Error):
            process.send_signal(signal.SIGQUIT)
    for process in doomed:
        with contextlib.suppress(psutil.Error):
            process.resume()
    deadline = time.monotonic() + QUIT_SECONDS
    while any(map(runs, doomed)) and time.monotonic() < deadline:
        time.sleep(LOOK_EVERY)
    for process in filter(runs, doomed):
        for each in tree(process):
            with contextlib.suppress(psutil.Error):
                each.kill()


def main() -> None:
    """Keep the list until the parent's end of the pipe closes, then end everything on it."""
    registered: dict[int, psutil.Process] = {}
    for line in sys.stdin:
        word, _, number = line.strip().partition(" ")
        if word == "add":
            with contextlib.suppress(psutil.Error):
                registered[int(number)] = psutil.Process(int(number))
        elif word == "drop":
            registered.pop(int(number), None)
    end(list(registered.values()))


if __name__ == "__main__":
    main()
