"""One child process under guard."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from parley_runtime.embedded import watch
from parley_runtime.embedded.processes import descendants, is_running, signal_tree, wait_gone

LAUNCHER = Path(__file__).with_name("launch.py")

# A child that is asked to end and does not within this is killed. Seconds.
STOP_SECONDS = 10.0
# How long a killed process may take to disappear (it may sit in a disk write). Seconds.
KILL_SECONDS = 5.0


class Child:
    """A running program in a session of its own, announced to the watchman before it could start anything.

    Its output goes to `log` (appended). `pid` stays the same from launcher to program.
    """

    def __init__(
        self,
        command: Sequence[str | Path],
        *,
        log: Path,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        pidfile: Path | None = None,
        identity: str | None = None,
        pass_fds: Sequence[int] = (),
    ) -> None:
        watch_fd = watch.watch_fd()
        launcher = [sys.executable, "-I", "-S", str(LAUNCHER), "--watch", str(watch_fd)]
        if pidfile is not None:
            launcher += ["--pidfile", str(pidfile)]
        if identity is not None:
            launcher += ["--identity", identity]
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [*launcher, "--", *map(str, command)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=env,
                cwd=cwd,
                pass_fds=(watch_fd, *pass_fds),
                start_new_session=True,
            )
        self.pid = self._process.pid
        self.log = log
        self._guarded = True

    def poll(self) -> int | None:
        """The exit status (negative: ended by that signal), or None while it runs."""
        status = self._process.poll()
        if status is not None:
            self._reaped()
        return status

    @property
    def running(self) -> bool:
        """Whether it has not ended yet."""
        return self.poll() is None

    def wait(self, seconds: float) -> int:
        """Its exit status, when it ends by itself within `seconds`; else it is killed."""
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
        self._reaped()
        return self._process.returncode

    def ask(self, number: signal.Signals = signal.SIGTERM) -> None:
        """Send a signal without waiting; a suspended child is woken to hear it."""
        if self.running:
            os.kill(self.pid, number)
            signal_tree(self.pid, signal.SIGCONT)

    def stop(self, number: signal.Signals = signal.SIGTERM, seconds: float = STOP_SECONDS) -> int:
        """Ask it to end, wait at most `seconds`, then kill it. Its exit status."""
        self.ask(number)
        return self.wait(seconds)

    def kill(self) -> None:
        """End it and everything below it at once (SIGKILL), and wait until all of that is gone."""
        below = descendants(self.pid) if self.running else []
        if self.running:
            signal_tree(self.pid, signal.SIGKILL)
            self._process.wait(KILL_SECONDS)
        for pid in below:
            # Started between our look and the signal, or orphaned by it.
            if is_running(pid):
                os.kill(pid, signal.SIGKILL)
        wait_gone(below, KILL_SECONDS)
        self._reaped()

    def suspend(self) -> None:
        """Freeze it and everything below it (SIGSTOP)."""
        before: list[int] = []
        while (now := [self.pid, *descendants(self.pid)]) != before:
            signal_tree(self.pid, signal.SIGSTOP)
            before = now

    def resume(self) -> None:
        """Let it and everything below it run again (SIGCONT)."""
        signal_tree(self.pid, signal.SIGCONT)

    def last_words(self, lines: int = 5) -> str:
        """The end of its log, for a message about why it ended."""
        try:
            return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])
        except OSError:
            return ""

    def _reaped(self) -> None:
        # Once only: the pid may belong to another child of ours by now.
        if self._guarded:
            self._guarded = False
            watch.drop(self.pid)


def end_leftover(pidfile: Path, executable: Path) -> bool:
    """End the process that an earlier run left behind, if `pidfile` names one and it still is that program.

    True when there was one. Only for a directory whose lock we hold: nobody else can be using that process.
    """
    try:
        pid = int(pidfile.read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return False
    found = is_running(pid, executable)
    if found:
        below = descendants(pid)
        signal_tree(pid, signal.SIGKILL)
        wait_gone([pid, *below], KILL_SECONDS)
    pidfile.unlink(missing_ok=True)
    return found
