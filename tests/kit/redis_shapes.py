"""Redis in its other shapes, for real: a cluster of three nodes, Sentinel with a replica, TLS."""

import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import redis

from kit.certificates import certificate
from kit.redis_kinds import MakeServer
from parley_runtime.embedded import Child, ValkeyServer, free_port

HOST = "127.0.0.1"
PASSWORD = "one-for-all"  # servers of one cluster authenticate each other with it
SLOTS = 16_384
TERMINATOR = Path(__file__).with_name("tls_terminator.py")
#: Connections that wait until the terminator runs.
BACKLOG = 128
#: Seconds for a cluster to agree, or a failover to happen.
PATIENCE = 30.0


def eventually(check: Callable[[], Any], what: str) -> None:
    """Wait until `check` is true; errors of the connection count as "not yet"."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        try:
            if check():
                return
        except (redis.RedisError, OSError):
            pass
        time.sleep(0.02)
    raise AssertionError(f"{what} did not happen within {PATIENCE:.0f} s")


def client_of(port: int) -> "redis.Redis":
    """A plain client of one node."""
    return redis.Redis(host=HOST, port=port, password=PASSWORD, decode_responses=True)


def _cluster_port() -> int:
    """A port whose companion for the cluster's own talk (10,000 above) exists too."""
    while (port := free_port()) > 55_000:
        pass
    return port


def cluster(make_server: MakeServer) -> tuple[str, list[str]]:
    """Three masters that share the slots: the URL of the cluster, and of each node."""
    config = {"cluster-enabled": "yes", "cluster-config-file": "nodes.conf", "requirepass": PASSWORD}
    config |= {"masterauth": PASSWORD, "cluster-node-timeout": "2000"}
    nodes = [make_server(port=_cluster_port(), config=config) for _ in range(3)]
    share = -(-SLOTS // len(nodes))
    for number, node in enumerate(nodes):
        with client_of(node.port) as client:
            client.execute_command("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
            client.execute_command("CLUSTER", "ADDSLOTSRANGE", number * share, min(SLOTS, (number + 1) * share) - 1)
            client.execute_command("CLUSTER", "MEET", HOST, nodes[0].port)

    def agreed() -> bool:
        for node in nodes:
            with client_of(node.port) as client:
                info = client.execute_command("CLUSTER", "INFO")
                state = dict(line.split(":") for line in info.split()) if isinstance(info, str) else info
                if state["cluster_state"] != "ok" or state["cluster_known_nodes"] != "3":
                    return False
        return True

    eventually(agreed, "the cluster's agreement")
    url = f"redis+cluster://:{PASSWORD}@" + ",".join(f"{HOST}:{node.port}" for node in nodes)
    return url, [f"redis://:{PASSWORD}@{HOST}:{node.port}" for node in nodes]


class Watched:
    """A master with a replica, and a Sentinel that watches them."""

    def __init__(self, make_server: MakeServer, directory: Path) -> None:
        config = {"requirepass": PASSWORD, "masterauth": PASSWORD}
        self.master: ValkeyServer = make_server(config=config)
        self.replica: ValkeyServer = make_server(config={**config, "replicaof": f"{HOST} {self.master.port}"})
        directory.mkdir()
        self.port = free_port()
        settings = directory / "sentinel.conf"
        settings.write_text(
            f"port {self.port}\nbind {HOST}\ndir {directory}\n"
            f"sentinel monitor parley {HOST} {self.master.port} 1\nsentinel auth-pass parley {PASSWORD}\n"
            "sentinel down-after-milliseconds parley 1000\nsentinel failover-timeout parley 5000\n"
        )
        self._sentinel = Child([self.master.binary, settings, "--sentinel"], log=directory / "sentinel.log")
        self.url = f"redis+sentinel://:{PASSWORD}@{HOST}:{self.port}/parley"
        self.nodes = [f"redis://:{PASSWORD}@{HOST}:{server.port}" for server in (self.master, self.replica)]
        with client_of(self.replica.port) as client:
            eventually(lambda: client.info("replication")["master_link_status"] == "up", "replication")
        eventually(lambda: self._asked("num-slaves") == "1", "the Sentinel's discovery of the replica")

    def _asked(self, name: str) -> str:
        with redis.Redis(host=HOST, port=self.port, decode_responses=True) as client:
            answer = client.execute_command("SENTINEL", "MASTER", "parley")
            found = answer if isinstance(answer, dict) else dict(zip(answer[::2], answer[1::2], strict=True))
            return str(found[name])

    def fail_over(self) -> None:
        """Kill the master, and wait until the replica has taken over."""
        self.master.kill()
        eventually(lambda: self._asked("port") == str(self.replica.port), "the failover")
        with client_of(self.replica.port) as client:
            eventually(lambda: client.role()[0] == "master", "the promotion")

    def end(self) -> None:
        self._sentinel.stop()


@contextmanager
def behind_tls(server: ValkeyServer, directory: Path) -> Iterator[str]:
    """The URL of a TLS terminator in front of a server: the wheels' servers are built without TLS of their own."""
    path, _ = certificate(directory)
    with socket.create_server((HOST, 0), backlog=BACKLOG) as listening:
        port, fd = listening.getsockname()[1], listening.fileno()
        files = [str(path), str(directory / "key.pem")]
        command = [sys.executable, str(TERMINATOR), str(fd), *files, str(server.port)]
        terminator = Child(command, log=directory / "terminator.log", pass_fds=[fd])
    try:
        yield server.url.replace("redis://", "rediss://", 1).replace(
            f":{server.port}/0", f":{port}/0?ssl_ca_certs={path}"
        )
    finally:
        terminator.kill()
