"""What the operating system says: cores, CPU time, memory. Linux only, as `/proc` is."""

import os
import platform
import resource
from contextlib import suppress
from pathlib import Path

#: Seconds in one tick of utime and stime.
TICK = 1 / os.sysconf("SC_CLK_TCK")

CORES = sorted(os.sched_getaffinity(0))
#: Where the measured server runs, alone if there is more than one core; and where everything else does.
SERVER_CORES = {CORES[0]}
OTHER_CORES = set(CORES[1:]) or {CORES[0]}


def cpu_seconds(pid: int) -> float:
    """User and system time of a process so far, all threads, in steps of 10 ms."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * TICK


def fine_cpu_seconds(pid: int) -> float:
    """The same of the threads that run now, in nanoseconds' steps."""
    total = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        with suppress(FileNotFoundError, ProcessLookupError):
            total += int((task / "schedstat").read_text().split()[0])
    return total / 1e9


def cpu_seconds_of_tree(pid: int) -> float:
    """The same, with all children that run and those that have ended."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    total = sum(map(int, fields[11:15])) * TICK
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            with suppress(FileNotFoundError, ProcessLookupError):
                total += cpu_seconds_of_tree(int(child))
    return total


def resident_bytes(pid: int) -> int:
    """Resident memory of a process."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise ProcessLookupError(pid)


def pin(pid: int, cores: set[int]) -> None:
    """Keep all threads of a process on these cores."""
    for task in Path(f"/proc/{pid}/task").iterdir():
        with suppress(ProcessLookupError):
            os.sched_setaffinity(int(task.name), cores)


def allow_many_sockets() -> int:
    """Raise the limit of open files as far as it goes; children inherit it. The limit."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def description() -> dict[str, object]:
    """What a figure depends on, and how busy the machine was when the bench began."""
    cpu = "unknown"
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                cpu = line.partition(":")[2].strip()
                break
    return {
        "cpu": cpu,
        "cores": len(CORES),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "load": round(os.getloadavg()[0], 2),
    }
