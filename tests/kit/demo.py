"""A running `parley demo`, driven from outside like a user does."""

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from parley_runtime.embedded.processes import descendants, is_running

ROOT = Path(__file__).parents[2]
READY = "Parley is ready: "

# A cold start on two busy cores. Seconds.
PATIENCE = 60.0


class RunningDemo:
    """The process, its two output streams line by line, and the URL it printed."""

    def __init__(
        self, data: Path, *arguments: str, env: dict[str, str] | None = None, before: Sequence[str] = ()
    ) -> None:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("PARLEY_")}
        path = os.pathsep.join(str(ROOT / room) for room in ("common", "gateway", "billing"))
        self.started = time.monotonic()
        self.process = subprocess.Popen(
            [*before, sys.executable, "-m", "parley_runtime.cli", "demo", "--data", str(data), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**inherited, "PYTHONPATH": path, **(env or {})},
            cwd="/",
        )
        self.output: list[str] = []
        self.notes: list[str] = []
        self._lines: queue.Queue[str | None] = queue.Queue()
        self._readers = [
            threading.Thread(target=self._read, args=(stream, kept), daemon=True)
            for stream, kept in ((self.process.stdout, self.output), (self.process.stderr, self.notes))
        ]
        for reader in self._readers:
            reader.start()
        self.url = ""

    def _read(self, stream: Any, kept: list[str]) -> None:
        for line in stream:
            kept.append(line.rstrip("\n"))
            self._lines.put(line)
        self._lines.put(None)

    def wait_ready(self) -> Self:
        """Until it printed its line; the seconds that took are in `took`."""
        self.wait_line(READY)
        self.took = time.monotonic() - self.started
        self.url = next(line for line in self.output if line.startswith(READY)).removeprefix(READY).rstrip("/")
        return self

    def wait_line(self, part: str) -> None:
        """Until a line of either stream contains `part`. Fails when the demo ends instead."""
        deadline = time.monotonic() + PATIENCE
        while not any(part in line for line in (*self.output, *self.notes)):
            left = deadline - time.monotonic()
            try:
                line = self._lines.get(timeout=max(left, 0.01))
            except queue.Empty:
                raise AssertionError(f"no {part!r} in {PATIENCE} s: {self.output} {self.notes}") from None
            if line is None and self.process.poll() is not None:
                self.wait_ended()
                if any(part in line for line in (*self.output, *self.notes)):
                    return
                raise AssertionError(f"ended before {part!r}: {self.output} {self.notes}")

    def get(self, path: str, headers: dict[str, str] | None = None) -> tuple[int, bytes]:
        """Status and body of a GET."""
        request = urllib.request.Request(self.url + path, headers=headers or {})
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read()

    def post(self, path: str, body: Any, headers: dict[str, str]) -> tuple[int, bytes]:
        """Status and body of a POST of JSON."""
        data = json.dumps(body).encode()
        request = urllib.request.Request(
            self.url + path, data=data, headers={"Content-Type": "application/json", **headers}
        )
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read()

    def bearer(self, **query: str) -> dict[str, str]:
        """The header with a token of the demo."""
        status, body = self.get("/demo/token?" + "&".join(f"{name}={value}" for name, value in query.items()))
        assert status == 200, body
        return {"Authorization": f"Bearer {json.loads(body)['token']}"}

    def children(self) -> dict[int, str]:
        """Everything below the demo: pid → command line."""
        found = {}
        for pid in descendants(self.process.pid):
            try:
                found[pid] = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
            except OSError:
                continue
        return found

    def child(self, part: str) -> int:
        """The pid of the one part whose command line contains `part`, not of what that part has forked: a server
        process of Postgres bears the command line of its parent until it has given itself a name."""
        found = [pid for pid, line in self.children().items() if part in line]
        forked = {pid for parent in found for pid in descendants(parent)}
        [pid] = [pid for pid in found if pid not in forked and is_running(pid)]
        return pid

    def signal(self, number: signal.Signals) -> None:
        """To the demo's parent process alone."""
        self.process.send_signal(number)

    def wait_ended(self, seconds: float = 30.0) -> int:
        """Its exit status; all its output has been read then."""
        status = self.process.wait(seconds)
        for reader in self._readers:
            reader.join(seconds)
        for stream in (self.process.stdout, self.process.stderr):
            assert stream is not None
            stream.close()
        return status

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.process.terminate()
        self.wait_ended()
