"""One of Parley's own programs as a child."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from parley_runtime.demo.supervisor import exit_reason
from parley_runtime.embedded import Child

# A log that has grown past this by the next start begins anew; the last one is kept beside it. Bytes.
LONGEST_LOG = 10 * 1024 * 1024


class Program:
    """``python -m MODULE`` with an environment, its output in a log; started at once."""

    def __init__(
        self, name: str, module: str, *, log: Path, env: Mapping[str, str], pass_fds: Sequence[int] = ()
    ) -> None:
        self.name = name
        self._module = module
        self._log = log
        self._env = env
        self._pass_fds = pass_fds
        if log.exists() and log.stat().st_size > LONGEST_LOG:
            log.rename(log.with_suffix(".old.log"))
        self.restart()

    def restart(self) -> None:
        """Start it; it must not be running."""
        self._child = Child(
            [sys.executable, "-m", self._module],
            log=self._log,
            env=self._env,
            pass_fds=self._pass_fds,
        )

    @property
    def pid(self) -> int:
        """Of the child that runs now."""
        return self._child.pid

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self._child.running

    def why_ended(self) -> str:
        """Exit status, and what it said last; one that was killed did not know, so its last words say nothing."""
        status = self._child.poll()
        words = "" if status is not None and status < 0 else self._child.last_words(1)
        return exit_reason(status) + (f": {words[:300]}" if words else f", log {self._log}")

    def stop(self, seconds: float) -> None:
        """SIGTERM, and SIGKILL after `seconds`."""
        self._child.stop(seconds=seconds)
