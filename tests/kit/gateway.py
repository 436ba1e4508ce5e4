"""Real gateways: `python -m parley_gateway` as child processes, on real servers."""

import itertools
import os
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Protocol

import pytest

from parley_runtime.embedded import Child, ChildLife, free_port

HOST = "127.0.0.1"
#: The checkout's rooms, so that the children run the same code as the tests, installed or not.
ROOMS = os.pathsep.join(str(Path(__file__).parents[2] / room) for room in ("common", "gateway", "billing"))
#: From the start of the process to ready, on a machine that does much else. Seconds.
READY_SECONDS = 30.0
#: Between looks at something that is awaited. Seconds.
LOOK_EVERY = 0.02
#: Another program may take a free port between our look and the gateway's bind.
PORT_ATTEMPTS = 3


class GatewayProcess(ChildLife):
    """One gateway and its two ports, which it keeps over `restart`. Ready when made; `end` it.

    `settings` are environment variables without their prefix: `{"DRAIN_SECONDS": "0"}`. `environment`: further ones.
    """

    def __init__(
        self,
        directory: Path,
        redis_url: str,
        database_url: str,
        settings: Mapping[str, str] | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.log = directory / "gateway.log"
        self.spool = directory / "spool"
        self._env = {
            **{name: value for name, value in os.environ.items() if not name.startswith("PARLEY_")},
            "PYTHONPATH": ROOMS,
            "PYTHONUNBUFFERED": "1",
            "PARLEY_REDIS_URL": redis_url,
            "PARLEY_DATABASE_URL": database_url,
            "PARLEY_SPOOL_DIRECTORY": str(self.spool),
            "PARLEY_DRAIN_SECONDS": "1",
            **{f"PARLEY_{name}": value for name, value in (settings or {}).items()},
            **(environment or {}),
        }
        for attempt in range(1, PORT_ATTEMPTS + 1):
            self._choose_ports()
            try:
                self.start()
                return
            except AssertionError:
                self.end()
                if attempt == PORT_ATTEMPTS or "address already in use" not in self._child.last_words(50).lower():
                    raise

    def _choose_ports(self) -> None:
        self.port, self.metrics_port = free_port(), free_port()
        self.address = f"{HOST}:{self.port}"
        self.url = f"http://{self.address}"
        self.live_url = f"ws://{self.address}/v1/live"
        self.metrics_url = f"http://{HOST}:{self.metrics_port}/metrics"
        self._env |= {"PARLEY_LISTEN": self.address, "PARLEY_METRICS_LISTEN": f"{HOST}:{self.metrics_port}"}

    # Its life

    def start(self, *, wait: bool = True) -> None:
        """Start the process; it must not be running."""
        self._child = Child([sys.executable, "-m", "parley_gateway"], log=self.log, env=self._env)
        if wait:
            self.wait_ready()

    def wait_ready(self, seconds: float = READY_SECONDS) -> float:
        """Wait until the gateway says that it works. The seconds that it took."""
        started = time.monotonic()
        while not self.ready:
            words = self._child.last_words(30)
            assert self.running, f"the gateway ended ({self._child.poll()}):\n{words}"
            assert time.monotonic() - started < seconds, f"the gateway did not become ready:\n{words}"
            time.sleep(LOOK_EVERY)
        return time.monotonic() - started

    @property
    def ready(self) -> bool:
        """What `/healthz/ready` says now."""
        try:
            with urllib.request.urlopen(f"{self.url}/healthz/ready", timeout=2) as answer:
                return bool(answer.status == 200)
        except (OSError, urllib.error.HTTPError):
            return False

    def terminate(self, seconds: float = 30.0) -> int:
        """SIGTERM, and wait until it has drained and ended. Its exit status."""
        return self._child.stop(seconds=seconds)

    def ask_to_stop(self) -> None:
        """SIGTERM without waiting."""
        self._child.ask()

    def ended(self, seconds: float = 30.0) -> int:
        """Wait until it has ended by itself. Its exit status."""
        return self._child.wait(seconds)

    def restart(self, *, wait: bool = True) -> None:
        """Kill it if it runs, and start it on the same ports."""
        if self.running:
            self.kill()
        self.start(wait=wait)

    def end(self) -> None:
        """End it, however it stands."""
        if self.running:
            self.kill()

    # What it says

    def metrics(self) -> str:
        """Prometheus's text."""
        with urllib.request.urlopen(self.metrics_url, timeout=5) as answer:
            text: str = answer.read().decode()
            return text

    def metric(self, name: str, **labels: str) -> float:
        """One sample's value; 0 when it is not there."""
        for line in self.metrics().splitlines():
            head, _, value = line.rpartition(" ")
            found, _, rest = head.partition("{")
            if found == name and all(f'{label}="{text}"' in rest for label, text in labels.items()):
                return float(value)
        return 0.0


class MakeGateway(Protocol):
    """``make_gateway(redis_url, database_url, NAME="value")`` → a ready gateway that ends with the test."""

    def __call__(self, redis_url: str, database_url: str, **settings: str) -> GatewayProcess: ...


@pytest.fixture
def make_gateway(tmp_path: Path) -> Iterator[MakeGateway]:
    """A factory of gateways. Those of one test have spools of their own."""
    with ExitStack() as stack:
        numbers = itertools.count(1)

        def make(redis_url: str, database_url: str, **settings: str) -> GatewayProcess:
            made = GatewayProcess(tmp_path / f"gateway-{next(numbers)}", redis_url, database_url, settings)
            stack.callback(made.end)
            return made

        yield make
