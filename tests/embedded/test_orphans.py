"""No server outlives the program that started it, however that ends."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from parley_runtime.embedded.identity import LAUNCHER, unprivileged_uid
from parley_runtime.embedded.processes import descendants, is_running, wait_gone

pytestmark = pytest.mark.servers

ROOT = Path(__file__).parents[2]

# Longer than the watchman gives a server to quit before it kills it. Seconds.
GONE_SECONDS = 5.0

PARENT = """
import os
import sys
from pathlib import Path
from parley_runtime.embedded import PostgresServer, ValkeyServer

directory, mode = Path(sys.argv[1]), sys.argv[2]
assert os.geteuid() != 0 or mode != "user"
valkey, postgres = ValkeyServer(directory / "valkey"), PostgresServer(directory / "postgres")
if mode == "suspended":
    valkey.suspend()
    postgres.suspend()
print(valkey.pid, postgres.pid, flush=True)
if mode == "exit":
    sys.exit(3)
sys.stdin.read()
"""


def as_ordinary_user() -> list[str]:
    """A command's beginning with which root runs the rest as somebody else (who can reach this Python)."""
    if os.geteuid() != 0:
        return []
    return [sys.executable, "-I", "-S", str(LAUNCHER), "--identity", f"user:{unprivileged_uid()}", "--"]


@contextmanager
def parent_with_servers(directory: Path, mode: str) -> Iterator[tuple["subprocess.Popen[str]", list[int]]]:
    directory.chmod(0o777)
    with subprocess.Popen(
        [*(as_ordinary_user() if mode == "user" else []), sys.executable, "-c", PARENT, str(directory), mode],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT / "common")},
    ) as parent:
        assert parent.stdout is not None
        servers = [int(word) for word in parent.stdout.readline().split()]
        assert len(servers) == 2
        yield parent, servers


@pytest.mark.parametrize("mode", ["ordinary", "user", "suspended"])
def test_sigkill_of_the_parent_ends_the_servers(tmp_path: Path, mode: str) -> None:
    with parent_with_servers(tmp_path, mode) as (parent, servers):
        everything = [pid for server in servers for pid in (server, *descendants(server))]
        assert len(everything) > 3 and all(is_running(pid) for pid in everything)
        parent.send_signal(signal.SIGKILL)
    assert wait_gone(everything, GONE_SECONDS) == []


def test_a_parent_that_just_exits_has_ended_the_servers_before(tmp_path: Path) -> None:
    with parent_with_servers(tmp_path, "exit") as (parent, servers):
        parent.wait()
    assert parent.returncode == 3
    assert [pid for pid in servers if is_running(pid)] == []


def test_the_next_start_works_right_after_a_sigkill(tmp_path: Path) -> None:
    with parent_with_servers(tmp_path, "ordinary") as (first, _):
        first.send_signal(signal.SIGKILL)
    with parent_with_servers(tmp_path, "ordinary") as (second, servers):
        assert all(is_running(pid) for pid in servers)
    assert second.returncode == 0
