"""The sealed records of one run, on disk until billing has confirmed them.

`<run>.spool` is append-only and locked (`flock`) for as long as a process works for the run; a file whose lock can be
had belongs to a dead run. A run is one life of one process and never goes on in another, so numbers cannot be given
twice, whatever is cut off the file.
"""

import contextlib
import errno
import fcntl
import os
from array import array
from pathlib import Path
from typing import Self

from parley_gateway.core.spool_frame import HEADER_BYTES, body_length, encode_frame, frame_number

SUFFIX = ".spool"
REWRITE_SUFFIX = ".spool-new"
#: Bytes of confirmed records at the head of a file before it is written anew without them.
REWRITE_BYTES = 1024 * 1024


class Disk:
    """The system calls that change a spool, one method each, so that a test can stop at any of them."""

    def open(self, path: Path, flags: int) -> int:
        return os.open(path, flags | os.O_RDWR | os.O_APPEND | os.O_CLOEXEC, 0o600)

    def close(self, fd: int) -> None:
        os.close(fd)

    def lock(self, fd: int) -> bool:
        """Whether the lock could be had. It goes with the last descriptor, however the process ends."""
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def write(self, fd: int, data: bytes) -> int:
        return os.write(fd, data)

    def sync(self, fd: int) -> None:
        os.fdatasync(fd)

    def truncate(self, fd: int, size: int) -> None:
        os.ftruncate(fd, size)

    def rename(self, old: Path, new: Path) -> None:
        os.rename(old, new)

    def unlink(self, path: Path) -> None:
        path.unlink(missing_ok=True)

    def sync_directory(self, path: Path) -> None:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)


class SpoolFile:
    """One locked spool. Not for two threads at once. `first`..`last` are the unconfirmed numbers it holds.

    Every method may raise `OSError`; the records that were held before are held after it.
    """

    def __init__(self, disk: Disk, path: Path, fd: int) -> None:
        self.run = path.name.removesuffix(SUFFIX)
        self._disk = disk
        self._path = path
        self._fd = fd
        #: Where each record begins, from number `_base` on; `_end` is where the next one would.
        self._offsets = array("Q")
        self._base = 1
        self._end = 0
        self._confirmed = 0
        #: The file may go on after `_end`, with what must be cut off before anything is appended.
        self._cut = False

    @classmethod
    def create(cls, disk: Disk, directory: Path, run: str) -> Self:
        """The spool of a new run."""
        path = directory / f"{run}{SUFFIX}"
        fd = disk.open(path, os.O_CREAT)
        try:
            if not (disk.lock(fd) and _same_file(fd, path)):
                raise OSError(errno.EAGAIN, "another process took the new spool for a dead one's")
            disk.sync_directory(directory)
        except BaseException:
            disk.close(fd)
            raise
        return cls(disk, path, fd)

    @classmethod
    def adopt(cls, disk: Disk, path: Path) -> Self | None:
        """A dead run's spool with what it holds, a torn tail cut off; None when its run lives, or it is gone."""
        try:
            fd = disk.open(path, 0)
        except FileNotFoundError:
            return None
        try:
            if not (disk.lock(fd) and _same_file(fd, path)):
                disk.close(fd)
                return None
            spool = cls(disk, path, fd)
            spool._scan()
        except BaseException:
            disk.close(fd)
            raise
        return spool

    @property
    def first(self) -> int:
        """The lowest unconfirmed number."""
        return max(self._base, self._confirmed + 1)

    @property
    def last(self) -> int:
        """The highest number held; `first - 1` when there is none."""
        return max(self._base + len(self._offsets) - 1, self._confirmed)

    def append(self, first: int, bodies: list[bytes]) -> None:
        """Keep records number `first` and following: on disk when this returns, and not at all when it raises."""
        if self._cut:
            self._disk.truncate(self._fd, self._end)
            self._cut = False
        frames = [encode_frame(first + place, body) for place, body in enumerate(bodies)]
        data = b"".join(frames)
        self._cut = True
        if self._disk.write(self._fd, data) != len(data):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._disk.sync(self._fd)
        self._cut = False
        if not self._offsets:
            self._base = first
        for frame in frames:
            self._offsets.append(self._end)
            self._end += len(frame)

    def get(self, number: int) -> bytes:
        """One record's bytes. Only for numbers from `first` to `last`."""
        place = number - self._base
        start = self._offsets[place]
        stop = self._offsets[place + 1] if place + 1 < len(self._offsets) else self._end
        return os.pread(self._fd, stop - start - HEADER_BYTES, start + HEADER_BYTES)

    def confirm(self, number: int) -> None:
        """The records up to `number` are in the ledger: let them go."""
        self._confirmed = max(self._confirmed, number)
        gone = min(self._confirmed - self._base + 1, len(self._offsets))
        if gone <= 0:
            return
        if gone == len(self._offsets):
            del self._offsets[:]
            self._end = 0
            self._cut = True
            self._disk.truncate(self._fd, 0)
            self._cut = False
        elif self._offsets[gone] >= max(REWRITE_BYTES, self._end // 2):
            self._rewrite(gone)

    def remove(self) -> None:
        """Delete the file; the run is over."""
        self._disk.unlink(self._path)
        self.close()

    def close(self) -> None:
        """Give up the lock; what is held stays for whoever adopts it."""
        if self._fd >= 0:
            self._disk.close(self._fd)
            self._fd = -1

    def _rewrite(self, gone: int) -> None:
        """A new file without the first `gone` records takes this one's place in one step."""
        kept = self._offsets[gone]
        temporary = self._path.with_name(self.run + REWRITE_SUFFIX)
        self._disk.unlink(temporary)
        fd = self._disk.open(temporary, os.O_CREAT | os.O_EXCL)
        try:
            if not self._disk.lock(fd):
                raise OSError(errno.EAGAIN, "another process holds the new spool")
            start = kept
            while start < self._end:
                part = os.pread(self._fd, min(REWRITE_BYTES, self._end - start), start)
                if not part or self._disk.write(fd, part) != len(part):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                start += len(part)
            self._disk.sync(fd)
            self._disk.rename(temporary, self._path)
        except BaseException:
            self._disk.close(fd)
            raise
        # From here on the new file is the spool, also when what follows fails.
        old, self._fd = self._fd, fd
        self._offsets = array("Q", (offset - kept for offset in self._offsets[gone:]))
        self._base += gone
        self._end -= kept
        self._disk.close(old)
        self._disk.sync_directory(self._path.parent)

    def _scan(self) -> None:
        """Find the whole records; cut off what follows the last of them."""
        with contextlib.closing(os.fdopen(os.dup(self._fd), "rb", buffering=REWRITE_BYTES)) as file:
            file.seek(0)
            while (length := body_length(header := file.read(HEADER_BYTES))) is not None:
                number = frame_number(header, file.read(length))
                if number is None or (self._offsets and number != self._base + len(self._offsets)):
                    break
                if not self._offsets:
                    self._base = number
                    self._confirmed = number - 1
                self._offsets.append(self._end)
                self._end += HEADER_BYTES + length
        if os.fstat(self._fd).st_size != self._end:
            self._disk.truncate(self._fd, self._end)


def _same_file(fd: int, path: Path) -> bool:
    """Whether the path still means this file: it may have been removed or replaced before we had the lock."""
    try:
        there = path.stat()
    except FileNotFoundError:
        return False
    here = os.fstat(fd)
    return (here.st_dev, here.st_ino) == (there.st_dev, there.st_ino)
