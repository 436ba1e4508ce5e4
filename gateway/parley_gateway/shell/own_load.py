"""How much of its CPU and of its memory this process uses: its limits are those of its cgroup, where it has any."""

import os
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

_CGROUPS = Path("/sys/fs/cgroup")
_MEMBERSHIP = Path("/proc/self/cgroup")
_PAGE = os.sysconf("SC_PAGE_SIZE")
#: Bytes. Version 1 says "no limit" with a number near 2**63.
_NO_LIMIT = 1 << 60


class OwnLoad:
    """Reads both. Not for two threads: the CPU is that of the thread that asks, which runs the event loop."""

    def __init__(self, memory_limit: int = 0, *, cgroups: Path = _CGROUPS, membership: Path = _MEMBERSHIP) -> None:
        """`memory_limit`: bytes that this process may hold; 0: what its cgroup allows, or else the machine has."""
        self._folder: Path | None = None
        self._limit = memory_limit or os.sysconf("SC_PHYS_PAGES") * _PAGE
        self._cores = float("inf")
        for folder in _folders(cgroups, membership):
            limit = _number(folder / "memory.max") or _number(folder / "memory.limit_in_bytes")
            if not memory_limit and limit is not None and limit < min(self._limit, _NO_LIMIT):
                self._limit, self._folder = limit, folder
            self._cores = min(self._cores, _cores(folder))
        self._at, self._thread, self._process = time.monotonic(), time.thread_time(), time.process_time()

    def cpu(self) -> float:
        """Share of the CPU since the last call: of one core by this thread, or of the quota by the whole process."""
        at, thread, process = time.monotonic(), time.thread_time(), time.process_time()
        elapsed = max(at - self._at, 1e-3)
        share = max((thread - self._thread) / elapsed, (process - self._process) / elapsed / self._cores)
        self._at, self._thread, self._process = at, thread, process
        return share

    def memory(self) -> float:
        """Share of the limit. In a cgroup that is what the kernel kills for: all of it but files that it can drop."""
        if self._folder is not None:
            used = _number(self._folder / "memory.current") or _number(self._folder / "memory.usage_in_bytes")
            if used is not None:
                return (used - _inactive_files(self._folder)) / self._limit
        resident = int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE
        return resident / self._limit


def _folders(cgroups: Path, membership: Path) -> Iterator[Path]:
    """The folders of this process's cgroup and of those around it; a limit of any of them holds."""
    with suppress(OSError):
        for line in membership.read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            root = cgroups if not controllers else cgroups / controllers
            own = root / path.lstrip("/")
            yield from (folder for folder in (own, *own.parents) if folder == root or root in folder.parents)


def _number(path: Path) -> int | None:
    """The number in a file; None without the file, or where it says `max`."""
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return None


def _cores(folder: Path) -> float:
    """Cores that the quota of this folder allows."""
    with suppress(OSError, ValueError):
        quota, period = (folder / "cpu.max").read_text().split()
        return int(quota) / int(period)
    quota_us, period_us = _number(folder / "cpu.cfs_quota_us"), _number(folder / "cpu.cfs_period_us")
    return quota_us / period_us if quota_us and period_us and quota_us > 0 else float("inf")


def _inactive_files(folder: Path) -> int:
    """Bytes of files that the kernel would drop first."""
    with suppress(OSError):
        for line in (folder / "memory.stat").read_text().splitlines():
            name, _, value = line.partition(" ")
            if name in ("inactive_file", "total_inactive_file"):
                return int(value)
    return 0
