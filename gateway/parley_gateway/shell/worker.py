"""One of several workers, seen from inside: what its parent gave it, and what it tells its parent."""

import asyncio
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from parley_gateway.core.worker_policy import WorkerReport

#: Seconds between reports.
REPORT_EVERY = 0.5


@dataclass(frozen=True, slots=True)
class Worker:
    """Inherited descriptors: a listening socket for the operator's side, and the pipe to the parent."""

    metrics_fd: int
    report_fd: int

    async def report(self, state: Callable[[], WorkerReport]) -> None:
        """Tell the parent for ever how things are. A parent that is gone ends this worker, in order."""
        os.set_blocking(self.report_fd, False)
        while True:
            try:
                os.write(self.report_fd, msgspec.json.encode(state()) + b"\n")
            except BlockingIOError:
                pass  # the parent is busy; what it reads next is newer anyway
            except BrokenPipeError:
                os.kill(os.getpid(), signal.SIGTERM)
                return
            await asyncio.sleep(REPORT_EVERY)
