"""A data directory that one program uses at a time."""

import errno
import fcntl
import os
import shutil
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Self

from parley_runtime.embedded.problem import SetupProblem

# Below this Postgres may stop in the middle of a checkpoint (one WAL segment is 16 MiB, it wants a few).
LEAST_FREE_BYTES = 256 * 1024 * 1024


class DataDirectory:
    """A directory, made if missing (mode 0700), held by an advisory lock until :meth:`release`.

    The kernel gives the lock back when the holder ends, by kill -9 too, so a lock that is held always means a
    program that runs. Raises SetupProblem when it is in use, cannot be written, or the disk is nearly full.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lock = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise SetupProblem(
                f"The data directory {self.path} cannot be written: {error.strerror}.",
                "Make it writable or name another one with --data DIRECTORY.",
            ) from error
        try:
            self._take()
            self._check_space()
        except BaseException:
            os.close(self._lock)
            raise

    def _take(self) -> None:
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno not in (errno.EAGAIN, errno.EACCES):
                raise
            holder = os.pread(self._lock, 20, 0).decode("ascii", "replace").strip() or "unknown"
            raise SetupProblem(
                f"The data directory {self.path} is in use by process {holder}.",
                "End that one, or name another directory with --data DIRECTORY.",
            ) from error
        os.ftruncate(self._lock, 0)
        os.pwrite(self._lock, f"{os.getpid()}\n".encode(), 0)

    def clear(self, names: Iterable[str]) -> None:
        """Delete these entries. Never all there is: somebody may have named their home directory."""
        for entry in (self.path / name for name in names):
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            else:
                entry.unlink(missing_ok=True)

    def _check_space(self) -> None:
        free = shutil.disk_usage(self.path).free
        if free < LEAST_FREE_BYTES:
            raise SetupProblem(
                f"The disk of {self.path} has {free // 2**20} MiB left, {LEAST_FREE_BYTES // 2**20} are needed.",
                "Free some space or name a directory on another disk with --data DIRECTORY.",
            )

    def release(self) -> None:
        """Give the directory back. Harmless when repeated."""
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def retake(self) -> None:
        """Take the lock again after :meth:`release`; nothing happens when it is held."""
        if self._lock < 0:
            self._lock = type(self)(self.path)._lock

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()
