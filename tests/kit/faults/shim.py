"""Faults from below a process: a wrong wall clock, a full disk, no name service. Needs a C compiler (`cc`)."""

import functools
import mmap
import struct
import subprocess
import tempfile
from pathlib import Path

SOURCE = Path(__file__).with_name("fault_shim.c")


@functools.cache
def _library() -> Path:
    """Built once in a run; it is removed with the system's temporary files."""
    target = Path(tempfile.mkdtemp(prefix="parley-shim-")) / "fault_shim.so"
    command = ["cc", "-shared", "-fPIC", "-O1", "-Wall", "-o", str(target), str(SOURCE), "-ldl"]
    subprocess.run(command, check=True, capture_output=True, text=True)
    return target


class Shim:
    """What one process is told. Start it with `environment`; change it at any moment."""

    def __init__(self, path: Path) -> None:
        path.write_bytes(bytes(24))
        self._file = path.open("r+b")
        self._wishes = mmap.mmap(self._file.fileno(), 24)
        self.environment = {"LD_PRELOAD": str(_library()), "FAULT_SHIM_FILE": str(path)}

    def shift_clock(self, seconds: float) -> None:
        """Make the wall clock wrong by so much; 0 puts it right."""
        self._write(0, round(seconds * 1e9))

    def fill_disk(self, full: bool) -> None:
        """Let no file grow any more."""
        self._write(1, int(full))

    def lose_names(self, lost: bool) -> None:
        """Let no host name be resolved any more."""
        self._write(2, int(lost))

    def _write(self, place: int, value: int) -> None:
        struct.pack_into("=q", self._wishes, 8 * place, value)

    def close(self) -> None:
        self._wishes.close()
        self._file.close()
