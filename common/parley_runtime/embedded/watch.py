"""The parent's side of the watchman: one per process, started with the first child."""

import os
import subprocess
import sys
import threading
from pathlib import Path

from parley_runtime.embedded.processes import is_running

WATCHMAN = Path(__file__).with_name("watchman.py")

_lock = threading.Lock()
_watchman: subprocess.Popen[bytes] | None = None
_owner = 0


def watch_fd() -> int:
    """The descriptor on which children are announced to this process's watchman, which starts if there is none.

    A forked copy of this process gets a watchman of its own: it must not answer for its parent's children.
    """
    global _watchman, _owner
    with _lock:
        gone = _watchman is None or _owner != os.getpid() or _watchman.poll() is not None
        if gone:
            # A session of its own: neither ctrl-C in the terminal nor a signal to our process group reaches it.
            _watchman = subprocess.Popen(
                [sys.executable, "-I", str(WATCHMAN)],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
                cwd="/",
            )
            _owner = os.getpid()
        assert _watchman is not None and _watchman.stdin is not None
        return _watchman.stdin.fileno()


def drop(pid: int) -> None:
    """Tell the watchman that a child has ended and been reaped; its pid may belong to another from now on."""
    with _lock:
        if _watchman is None or _watchman.stdin is None or _owner != os.getpid():
            return
        if is_running(_watchman.pid):
            os.write(_watchman.stdin.fileno(), b"drop %d\n" % pid)
