"""A real `python -m parley_billing`, to ask, to kill and to start again."""

import os
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from parley_runtime.embedded import Child, free_port

LOOPBACK = "127.0.0.1"
#: The checkout's rooms, so that the child runs the same code as the tests, installed or not.
ROOMS = os.pathsep.join(str(Path(__file__).parents[2] / room) for room in ("common", "gateway", "billing"))


class BillingProcess:
    """Runs until `kill` or `stop`. `start` again as often as liked: same ports, same stores."""

    def __init__(self, directory: Path, redis_url: str, database_url: str, **settings: str) -> None:
        self.log = directory / "billing.log"
        self._directory = directory
        self._listen = f"{LOOPBACK}:{free_port()}"
        self._metrics = f"{LOOPBACK}:{free_port()}"
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("PARLEY_")},
            "PYTHONPATH": ROOMS,
            "PARLEY_REDIS_URL": redis_url,
            "PARLEY_DATABASE_URL": database_url,
            "PARLEY_BILLING_LISTEN": self._listen,
            "PARLEY_METRICS_LISTEN": self._metrics,
            **settings,
        }
        self._child: Child | None = None

    @property
    def url(self) -> str:
        """Where tenants ask."""
        return f"http://{self._listen}"

    @property
    def metrics_url(self) -> str:
        """Where the operator asks."""
        return f"http://{self._metrics}"

    def start(self) -> None:
        """Start it, and do not wait."""
        self._child = Child(
            [sys.executable, "-m", "parley_billing"], log=self.log, env=self._environment, cwd=self._directory
        )

    def wait_ready(self, seconds: float = 20.0) -> None:
        """Wait until it says that it works."""
        deadline = time.monotonic() + seconds
        while self.state() != 200:
            assert self._child is not None and self._child.running, self.log.read_text()
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.02)

    def state(self) -> int:
        """HTTP status of its readiness; 0 when nobody answers."""
        try:
            with urllib.request.urlopen(f"{self.metrics_url}/healthz/ready", timeout=5) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as refused:
            return refused.code
        except OSError:
            return 0

    def kill(self) -> None:
        """SIGKILL."""
        if self._child is not None:
            self._child.kill()
            self._child = None

    def suspend(self) -> None:
        """SIGSTOP."""
        assert self._child is not None
        self._child.suspend()

    def resume(self) -> None:
        """SIGCONT."""
        assert self._child is not None
        self._child.resume()

    def stop(self) -> int | None:
        """SIGTERM. Returns the exit status."""
        if self._child is None:
            return None
        child, self._child = self._child, None
        child.stop()
        return child.poll()
