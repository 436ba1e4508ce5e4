"""What the embedded servers have in common: one child in one data directory, on one port."""

import signal
from abc import ABC, abstractmethod
from pathlib import Path

from parley_runtime.embedded.child import Child
from parley_runtime.embedded.directory import DataDirectory


class ChildLife:
    """What can be done to a program that runs as one child. Who derives from it sets `_child`."""

    _child: Child

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._child.pid

    @property
    def running(self) -> bool:
        """Whether the process is there (suspended counts)."""
        return self._child.running

    def kill(self) -> None:
        """SIGKILL, to its own children too, and wait until they are gone."""
        self._child.kill()

    def suspend(self) -> None:
        """SIGSTOP, to its own children too: connections stay open and nothing answers."""
        self._child.suspend()

    def resume(self) -> None:
        """SIGCONT."""
        self._child.resume()


class EmbeddedServer(ChildLife, ABC):
    """A running server. Who derives from it sets `_data`, `_child` and `port`, and says how it starts."""

    #: What asks the server to end in order.
    _stop_signal = signal.SIGTERM
    #: Its pid's file in the data directory, by which a leftover of a crash is found.
    _pidfile_name: str

    _data: DataDirectory
    _fixed_port: int | None
    directory: Path
    port: int

    def stop(self, seconds: float = 10.0) -> None:
        """End it in order (data is written), by force after `seconds`; give the directory back."""
        self._child.stop(self._stop_signal, seconds)
        self._pidfile.unlink(missing_ok=True)
        self._data.release()

    def restart(self) -> None:
        """End it if it runs, and start it again on the same port with the same password and data."""
        if self.running:
            self._child.stop(self._stop_signal)
        self._data.retake()
        self._fixed_port = self.port
        self._start()

    @property
    def _pidfile(self) -> Path:
        return self.directory / self._pidfile_name

    @abstractmethod
    def _start(self) -> None:
        """Start the child, and return when it answers."""
