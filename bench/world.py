"""What a bench measures: a real Valkey, a real Postgres with fsync on, real gateways, and clients beside them."""

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import asyncpg

from bench import machine
from parley.redis_keys import Keys
from parley.tenants import Algorithm, Tenant
from parley_runtime import redis_client
from parley_runtime.database import migrate
from parley_runtime.embedded import Child, PostgresServer, ValkeyServer, free_port
from parley_runtime.registry import Registry
from parley_runtime.signing import SigningKey, Wish, generate_key, read_key, sign

HOST = "127.0.0.1"
ROOT = Path(__file__).parents[1]
#: The checkout's code, so that what is measured is what is here, installed or not.
PYTHONPATH = os.pathsep.join(str(ROOT / room) for room in (".", "common", "gateway", "billing"))
READY_SECONDS = 60.0
#: Per tenant: none of these is what a bench wants to reach.
NO_LIMITS = {"connections": 1_000_000, "operationsPerTenant": 1_000_000, "commentsPerChat": 1_000_000}


class BenchProblem(Exception):
    """A bench cannot be run. The text says why."""


class Account:
    """A tenant, and its server's signing key."""

    def __init__(self, name: str, key: SigningKey) -> None:
        self.name = name
        self._key = key

    def token(self, reader: str) -> str:
        """A token for an hour."""
        return sign(self._key, Wish(self.name, reader))

    def tokens(self, count: int, prefix: str = "reader") -> list[str]:
        """Tokens of `count` readers."""
        return [self.token(f"{prefix}-{number}") for number in range(count)]


class GatewayProcess:
    """One gateway, ready, on cores of its own."""

    def __init__(self, directory: Path, env: Mapping[str, str], command: Sequence[str], cores: set[int]) -> None:
        directory.mkdir(parents=True)
        self.port, self._metrics_port = free_port(), free_port()
        self._child = Child(
            [sys.executable, "-m", *command],
            log=directory / "gateway.log",
            env={
                **{name: value for name, value in os.environ.items() if not name.startswith("PARLEY_")},
                "PYTHONPATH": PYTHONPATH,
                "PARLEY_LISTEN": f"{HOST}:{self.port}",
                "PARLEY_METRICS_LISTEN": f"{HOST}:{self._metrics_port}",
                "PARLEY_SPOOL_DIRECTORY": str(directory / "spool"),
                "PARLEY_LOG_LEVEL": "warning",
                # Benches saturate it on purpose: what is measured is the work, not its refusal.
                "PARLEY_SHED_CPU_PERCENT": "0",
                **env,
            },
        )
        machine.pin(self._child.pid, cores)
        self._wait_ready()
        machine.pin(self._child.pid, cores)

    def _wait_ready(self) -> None:
        limit = time.monotonic() + READY_SECONDS
        while True:
            try:
                with urllib.request.urlopen(f"http://{HOST}:{self.port}/healthz/ready", timeout=2) as answer:
                    if answer.status == 200:
                        return
            except (OSError, urllib.error.HTTPError):
                pass
            if not self._child.running or time.monotonic() > limit:
                raise BenchProblem(f"A gateway did not become ready: {self._child.last_words(10)}")
            time.sleep(0.02)

    @property
    def pid(self) -> int:
        return self._child.pid

    @property
    def cpu(self) -> float:
        """Seconds so far, its workers' included."""
        return machine.cpu_seconds_of_tree(self.pid)

    @property
    def fine_cpu(self) -> float:
        """The same in fine steps, for short looks; of the threads that there are now."""
        return machine.fine_cpu_seconds(self.pid)

    def metric(self, name: str, **labels: str) -> float:
        """The sum of a metric's samples that carry these labels."""
        with urllib.request.urlopen(f"http://{HOST}:{self._metrics_port}/metrics", timeout=10) as answer:
            text = answer.read().decode()
        total = 0.0
        for line in text.splitlines():
            head, _, value = line.rpartition(" ")
            found, _, rest = head.partition("{")
            if found == name and all(f'{label}="{said}"' in rest for label, said in labels.items()):
                total += float(value)
        return total

    def wait_metric(self, name: str, value: float) -> None:
        """Wait until the metric has exactly this value."""
        limit = time.monotonic() + READY_SECONDS
        while self.metric(name) != value:
            if time.monotonic() > limit:
                raise BenchProblem(f"{name} did not become {value}")
            time.sleep(0.05)

    def end(self) -> None:
        if self._child.running:
            self._child.kill()


class Load:
    """A process of clients (bench/load.py). Each call is one command there; it raises what goes wrong there."""

    def __init__(self, cores: set[int], nice: int = 0) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "bench.load"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": PYTHONPATH},
        )
        machine.pin(self._process.pid, cores)
        if nice:
            os.setpriority(os.PRIO_PROCESS, self._process.pid, nice)

    def begin(self, command: str, **arguments: Any) -> None:
        """Give a command; `answer` must follow."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"do": command, **arguments}).encode() + b"\n")
        self._process.stdin.flush()

    def answer(self) -> dict[str, Any]:
        """Of the command that was begun."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        answer: dict[str, Any] = json.loads(line) if line else {"problem": "the process of clients ended"}
        if "problem" in answer:
            raise BenchProblem(f"The clients: {answer['problem']}")
        return answer

    def __call__(self, command: str, **arguments: Any) -> dict[str, Any]:
        self.begin(command, **arguments)
        return self.answer()

    def join(self, group: str, gateway: GatewayProcess, count: int, **more: Any) -> dict[str, Any]:
        """Connect and join pages; all must succeed."""
        answer = self("open", group=group, host=HOST, port=gateway.port, count=count, **more)
        if answer["lost"]:
            raise BenchProblem(f"{answer['lost']} of {count} connections were refused or lost")
        return answer

    def end(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.communicate()


class World:
    """Servers for all benches of a run, and what a bench starts on them; use it as a context."""

    def __init__(self) -> None:
        machine.allow_many_sockets()
        self._stack = ExitStack()
        self._bench = ExitStack()
        self._numbers = iter(range(1_000_000))

    def __enter__(self) -> "World":
        try:
            self.directory = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="parley-bench-")))
            os.chmod(self.directory, 0o755)  # noqa: S103 - Postgres may run as another user
            self.valkey = ValkeyServer(self.directory / "valkey")
            self._stack.callback(self.valkey.stop)
            self.postgres = PostgresServer(self.directory / "postgres", config={"track_functions": "all"})
            self._stack.callback(self.postgres.stop)
            for pid in (self.valkey.pid, self.postgres.pid):
                machine.pin(pid, machine.OTHER_CORES)
            self.fresh()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.end_bench()
        self._stack.close()

    def fresh(self) -> None:
        """An empty database and an empty Valkey, nothing running: how each bench begins."""
        self.end_bench()
        name = f"bench_{next(self._numbers)}"
        self.query(self.postgres.url, f"CREATE DATABASE {name}")
        self.database_url = self.postgres.database_url(name)
        asyncio.run(migrate(self.database_url))

        async def flush() -> None:
            client = redis_client.connect(self.valkey.url)
            try:
                await client.flushall()
            finally:
                await client.aclose()

        asyncio.run(flush())

    def end_bench(self) -> None:
        """End the gateways and clients that a bench started."""
        self._bench.close()

    def on_end(self, process: Any) -> None:
        """`process.end()` when the bench is over."""
        self._bench.callback(process.end)

    def query(self, url: str, statement: str) -> Any:
        """One statement as the superuser; its first value."""

        async def run() -> Any:
            connection = await asyncpg.connect(url)
            try:
                return await connection.fetchval(statement)
            finally:
                await connection.close()

        return asyncio.run(run())

    def gateway(
        self,
        *,
        program: str = "parley_gateway",
        arguments: Sequence[str] = (),
        cores: set[int] = machine.SERVER_CORES,
        **settings: str,
    ) -> GatewayProcess:
        """A ready gateway; `settings` are environment variables without their prefix."""
        env = {
            "PARLEY_REDIS_URL": self.valkey.url,
            "PARLEY_DATABASE_URL": self.database_url,
            **{f"PARLEY_{name}": value for name, value in settings.items()},
        }
        made = GatewayProcess(self.directory / f"gateway-{next(self._numbers)}", env, (program, *arguments), cores)
        self.on_end(made)
        return made

    def load(self, nice: int = 0) -> Load:
        """A process of clients, beside the server."""
        made = Load(machine.OTHER_CORES, nice)
        self.on_end(made)
        return made

    def accounts(self, names: Sequence[str], algorithm: Algorithm = "HS256") -> list[Account]:
        """Tenants in the registry."""
        made, records = [], []
        for name in names:
            public, private = generate_key(algorithm, "k")
            records.append(Tenant(name=name, version=1, keys=[public], origins=[], limits=NO_LIMITS))
            made.append(Account(name, read_key(private.encode(), kid="k")))

        async def put() -> None:
            client = redis_client.connect(self.valkey.url)
            try:
                await Registry(client, Keys("parley")).put_all(records)
            finally:
                await client.aclose()

        asyncio.run(put())
        return made

    def account(self, name: str = "acme", algorithm: Algorithm = "HS256") -> Account:
        """One tenant."""
        return self.accounts([name], algorithm)[0]
