"""Starting the rivals. The C one is compiled first; without a compiler it is left out, and the report says so."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from bench import machine
from bench.world import PYTHONPATH


class Rival:
    """A server that sends one frame of `size` bytes of payload to all its clients for each `trigger`."""

    def __init__(self, command: list[str]) -> None:
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": PYTHONPATH}
        )
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())
        machine.pin(self._process.pid, machine.SERVER_CORES)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def cpu(self) -> float:
        """Seconds so far."""
        return machine.cpu_seconds(self._process.pid)

    def trigger(self) -> None:
        """Send to everybody, once."""
        assert self._process.stdin is not None
        self._process.stdin.write(b"x")
        self._process.stdin.flush()

    def end(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.communicate()


def compiled(directory: Path) -> Path | None:
    """The C rival, or None when there is no compiler."""
    compiler = os.environ.get("CC") or shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        return None
    program = directory / "send_loop"
    if not program.exists():
        source = Path(__file__).with_name("send_loop.c")
        subprocess.run([compiler, "-O2", "-Wall", "-o", str(program), str(source)], check=True)
    return program


def python_server(which: str, size: int) -> Rival:
    """`aiohttp` or `websockets`."""
    return Rival([sys.executable, "-m", "bench.rivals.python_servers", which, str(size)])
