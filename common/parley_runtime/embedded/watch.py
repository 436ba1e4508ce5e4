"""The parent's side of the watchman: one per process, started with the first child."""

import atexit
import contextlib
import os
import subprocess
import sys
import threading
from pathlib import Path

WATCHMAN = Path(__file__).with_name("watchman.py")

# The watchman gives what it ends a second to quit and then kills it. Seconds.
FAREWELL_SECONDS = 5.0


class _Watchman:
    """A watchman process and our end of the pipe to it."""

    def __init__(self) -> None:
        self.owner = os.getpid()
        theirs, self.fd = os.pipe()
        # A session of its own: neither ctrl-C in the terminal nor a signal to our group reaches it.
        self.process = subprocess.Popen(
            [sys.executable, "-I", str(WATCHMAN)],
            stdin=theirs,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            cwd="/",
        )
        os.close(theirs)

    @property
    def ours(self) -> bool:
        """Whether it runs and watches this process, not the one we were forked from."""
        return self.owner == os.getpid() and self.process.poll() is None


_lock = threading.Lock()
_watchman: _Watchman | None = None
_closed = False


def watch_fd() -> int:
    """The descriptor on which children are announced to our watchman, which starts if there is none.

    A forked copy of this process gets a watchman of its own: it must not answer for its parent's children.
    """
    global _watchman
    with _lock:
        if _closed:
            raise RuntimeError("this process is ending and starts no children any more")
        if _watchman is None or not _watchman.ours:
            if _watchman is not None:
                os.close(_watchman.fd)
            _watchman = _Watchman()
        return _watchman.fd


def drop(pid: int) -> None:
    """Tell the watchman that a child was reaped: its pid may belong to another program from now on."""
    with _lock:
        if _watchman is not None and _watchman.ours and not _closed:
            # It may end between the look and the write; then it holds nothing any more.
            with contextlib.suppress(BrokenPipeError):
                os.write(_watchman.fd, b"drop %d\n" % pid)


@atexit.register
def _farewell() -> None:
    """At our ordinary end: have what is left ended now, and wait for it."""
    global _closed
    with _lock:
        _closed = True
    if _watchman is not None and _watchman.ours:
        os.close(_watchman.fd)
        with contextlib.suppress(subprocess.TimeoutExpired):
            _watchman.process.wait(FAREWELL_SECONDS)
