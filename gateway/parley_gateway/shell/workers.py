"""The parent of several workers: starts them, starts a crashed one again, passes on the end, speaks for all of them.

Each worker is a whole gateway with a run of its own. The parent handles no client and reaches no store.
"""

import asyncio
import os
import signal
import socket
import sys
import time

import aiohttp
import msgspec
from aiohttp import web

from parley import metrics as names
from parley_gateway.core.worker_policy import REPORT_STALE, Restarts, WorkerReport, weights
from parley_gateway.shell.shared_port import SharedPort
from parley_runtime.exposition import merge
from parley_runtime.http.health import operators_app
from parley_runtime.http.listening import listen
from parley_runtime.lifecycle import Background, until_stopped
from parley_runtime.otlp_metrics import export_metrics
from parley_runtime.settings import Settings, SettingsError
from parley_runtime.telemetry import Metrics, get_logger

#: Seconds between looks at who gets the next connections.
WEIGH_EVERY = 0.5
#: Seconds for which a worker may take longer to end than draining takes; then it is killed.
LATE = 10.0
#: Seconds for one worker's metrics. Prometheus waits 10 s for all of them.
METRICS_WAIT = 3.0
#: Exit status of a gateway whose settings cannot be used: starting it again changes nothing.
UNUSABLE = 2


class _Child:
    """One worker: its sockets, its process, its last report."""

    def __init__(self, number: int, listener: socket.socket) -> None:
        self.number = number
        self.listener = listener
        #: The operator's side of this worker. Loopback; only the parent asks there.
        self.private = socket.create_server(("127.0.0.1", 0))
        self.process: asyncio.subprocess.Process | None = None
        self.restarts = Restarts()
        self.report: WorkerReport | None = None
        self.reported_at = float("-inf")
        self.was_ready = False

    @property
    def running(self) -> bool:
        return self.process is not None and self.process.returncode is None

    def missing(self, now: float) -> list[str]:
        """What keeps it from serving."""
        if not self.running or self.report is None:
            return ["it is not running yet"]
        if now - self.reported_at > REPORT_STALE:
            return ["it does not report: it hangs"]
        return self.report.missing

    def takes(self, now: float) -> bool:
        """Whether new connections may come to it: it serves, or will in a moment."""
        return not self.missing(now) or (self.report is None and not self.restarts.failing)


class Workers:
    """All workers of one port."""

    def __init__(self, settings: Settings, count: int) -> None:
        self._settings = settings
        self._port = SharedPort(settings.listen, count)
        self._children = [_Child(number, listener) for number, listener in enumerate(self._port.sockets)]
        self._metrics = Metrics()
        self._restarted = self._metrics.counter(names.WORKER_RESTARTS)
        self._ready = self._metrics.gauge(names.WORKERS_READY)
        self._draining = False
        self._unusable = asyncio.Event()

    async def run(self) -> int:
        """Until told to stop. The exit status. Raises `SettingsError`."""
        background = Background()
        site: web.AppRunner | None = None
        try:
            app = operators_app(self._all_metrics, self._missing)
            site = await listen(app, self._settings.metrics_listen)
            for child in self._children:
                background.run(f"worker {child.number}", self._keep(child))
            background.repeat("weigh workers", self._weigh, WEIGH_EVERY)
            export = export_metrics(
                "parley-gateway", f"parent-{os.getpid()}", self._metrics.registry.collect, background
            )
            stopping = [asyncio.ensure_future(until_stopped()), asyncio.ensure_future(self._unusable.wait())]
            await asyncio.wait(stopping, return_when=asyncio.FIRST_COMPLETED)
            for task in stopping:
                task.cancel()
            self._draining = True
            await self._end_all()
            if export is not None:
                await export.close()
            return UNUSABLE if self._unusable.is_set() else 0
        finally:
            await background.close()
            if site is not None:
                await site.cleanup()
            self._port.close()
            for child in self._children:
                child.private.close()

    # One worker's life

    async def _keep(self, child: _Child) -> None:
        """Run it, and run it again, until the end of all."""
        while True:
            child.restarts.started(time.monotonic())
            status = await self._run_once(child)
            if self._draining:
                return
            if status == UNUSABLE and not child.was_ready:
                self._unusable.set()  # it has said why
                return
            await self._lost(child)
            pause = child.restarts.ended(time.monotonic())
            self._restarted.labels(str(child.number)).inc()
            get_logger().error("a worker ended", worker=child.number, status=status, again_in=pause)
            await asyncio.sleep(pause)

    async def _run_once(self, child: _Child) -> int:
        reading, writing = os.pipe()
        try:
            child.process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "parley_gateway"),
                *("--fd", str(child.listener.fileno()), "--metrics-fd", str(child.private.fileno())),
                *("--report-fd", str(writing), "--drain-seconds", str(self._settings.drain_seconds)),
                pass_fds=(child.listener.fileno(), child.private.fileno(), writing),
                env={**os.environ, "PARLEY_WORKERS": "1"},
            )
        except BaseException:
            os.close(reading)
            raise
        finally:
            os.close(writing)
        following = asyncio.create_task(self._follow(child, reading))
        try:
            return await child.process.wait()
        finally:
            following.cancel()
            await asyncio.wait([following])

    async def _follow(self, child: _Child, reading: int) -> None:
        """Take its reports until it ends."""
        lines = asyncio.StreamReader()
        loop = asyncio.get_running_loop()
        transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), os.fdopen(reading))
        try:
            while line := await lines.readline():
                child.report = msgspec.json.decode(line, type=WorkerReport)
                child.reported_at = time.monotonic()
                child.was_ready = child.was_ready or not child.report.missing
            # A process that ends closes this pipe before most of its clients' sockets, and is reaped after them all.
            if not self._draining:
                await self._lost(child)
        finally:
            transport.close()

    async def _lost(self, child: _Child) -> None:
        """It is gone, and those whom it served come back now: most of them wait for its successor."""
        child.report = None
        await self._weigh()

    async def _end_all(self) -> None:
        """SIGTERM to all; SIGKILL to who has not drained by far."""
        running = [child.process for child in self._children if child.process is not None and child.running]
        for process in running:
            process.send_signal(signal.SIGTERM)
        waiting = [asyncio.ensure_future(process.wait()) for process in running]
        if waiting:
            await asyncio.wait(waiting, timeout=self._settings.drain_seconds + LATE)
        for process in running:
            if process.returncode is None:
                get_logger().error("a worker did not end, and is killed", pid=process.pid)
                process.kill()
                await process.wait()

    # All of them

    async def _weigh(self) -> None:
        now = time.monotonic()
        self._ready.set(sum(not child.missing(now) for child in self._children))
        connections = [child.report.connections if child.report else 0 for child in self._children]
        self._port.weigh(weights(connections, [child.takes(now) for child in self._children]))

    def _missing(self) -> list[str]:
        """Ready when one of them serves, and none is still in its first start."""
        if self._draining:
            return ["this gateway is shutting down"]
        now = time.monotonic()
        found = {child: child.missing(now) for child in self._children}
        starting = [child for child in self._children if not child.was_ready and not child.restarts.crashes]
        if starting or all(found.values()):
            return [f"worker {child.number}: {said}" for child in starting or found for said in found[child]]
        return []

    async def _all_metrics(self) -> bytes:
        """Every worker's metrics with the label `worker`, and the parent's own."""
        timeout = aiohttp.ClientTimeout(total=METRICS_WAIT)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            texts = await asyncio.gather(*(_metrics_of(session, child) for child in self._children))
        labelled = merge({str(number): text for number, text in enumerate(texts)}, "worker", always=True)
        return merge({"workers": labelled, "parent": self._metrics.text().decode()}).encode()


async def _metrics_of(session: aiohttp.ClientSession, child: _Child) -> str:
    """One that does not answer is missing for this once: its counters go on when it is back."""
    if not child.running or child.report is None:
        return ""
    host, port = child.private.getsockname()
    try:
        async with session.get(f"http://{host}:{port}/metrics") as answer:
            return await answer.text()
    except (aiohttp.ClientError, TimeoutError):
        return ""


async def supervise(settings: Settings, count: int) -> int:
    """Run `count` workers until told to stop. The exit status. Raises `SettingsError`."""
    if settings.listen_fd is not None:
        raise SettingsError("One inherited socket (PARLEY_LISTEN_FD) cannot be shared out among several workers.")
    return await Workers(settings, count).run()
