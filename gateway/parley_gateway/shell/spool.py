"""What this gateway sealed and billing has not confirmed: its own run's spool, and those of dead runs it adopted."""

import secrets
from pathlib import Path

from parley.usage import UsageLine, UsageRecord, encode_record
from parley_gateway.shell.spool_file import REWRITE_SUFFIX, SUFFIX, Disk, SpoolFile

#: Lines in one record: some tens of KB, so that no message of Redis and no transaction of billing is large.
LINES_PER_RECORD = 500
#: Bytes of sealed records kept in memory while the disk takes none. At this bound nothing more is sealed: what is
#: counted stays in the meter, where sums of one minute merge, and only a kill of the process loses it.
PENDING_BYTES = 64 * 1024 * 1024
#: Spools of dead runs worked on at once; further ones wait for their turn.
ADOPTED_MOST = 16


def new_run(now_ms: int) -> str:
    """A run id: unique, and in order of time when sorted as text."""
    return f"{now_ms:012x}{secrets.token_hex(8)}"


class Spool:
    """The own run's records, first in memory and then on disk. Not for two threads at once.

    `faults` counts failed writes. A record that could not be written is kept, offered for sending and written later.
    """

    def __init__(self, directory: Path, run: str, disk: Disk | None = None) -> None:
        self.run = run
        self.faults = 0
        self._directory = directory
        self._disk = disk or Disk()
        self._file: SpoolFile | None = None
        self._last = 0
        self._confirmed = 0
        #: Records not on disk: the numbers up to `_last`.
        self._pending: list[bytes] = []
        self._pending_bytes = 0

    @property
    def first(self) -> int:
        """The lowest unconfirmed number."""
        return self._confirmed + 1

    @property
    def last(self) -> int:
        """The highest number given; `first - 1` when all are confirmed."""
        return self._last

    @property
    def full(self) -> bool:
        """Whether nothing more may be sealed now."""
        return self._pending_bytes >= PENDING_BYTES

    def put(self, lines: list[UsageLine], sealed_at: int) -> None:
        """Seal lines into records and keep them; on disk when this returns, unless the disk takes none."""
        for start in range(0, len(lines), LINES_PER_RECORD):
            self._last += 1
            record = UsageRecord(self.run, self._last, sealed_at, lines[start : start + LINES_PER_RECORD])
            body = encode_record(record)
            self._pending.append(body)
            self._pending_bytes += len(body)
        self.write()  # also without lines: what failed before is tried again

    def write(self) -> None:
        """Try to bring to disk what is only in memory."""
        if not self._pending:
            return
        try:
            if self._file is None:
                self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
                self._file = SpoolFile.create(self._disk, self._directory, self.run)
            self._file.append(self._last - len(self._pending) + 1, self._pending)
        except OSError:
            self.faults += 1
            return
        self._pending.clear()
        self._pending_bytes = 0

    def get(self, number: int) -> bytes:
        """One record's bytes. Only for numbers from `first` to `last`."""
        place = number - (self._last - len(self._pending) + 1)
        if place >= 0:
            return self._pending[place]
        assert self._file is not None
        return self._file.get(number)

    def confirm(self, number: int) -> None:
        """The records up to `number` are in the ledger: let them go."""
        number = min(number, self._last)
        if number <= self._confirmed:
            return
        self._confirmed = number
        gone = max(0, len(self._pending) - (self._last - number))
        self._pending_bytes -= sum(map(len, self._pending[:gone]))
        del self._pending[:gone]
        if self._file is not None:
            try:
                self._file.confirm(number)
            except OSError:
                self.faults += 1  # the file is longer than it need be, nothing else

    def adopt(self, held: set[str]) -> list[SpoolFile]:
        """Spools of dead runs, besides those of the runs `held`. Files without a whole record are removed."""
        found: list[SpoolFile] = []
        if not self._directory.is_dir():
            return found
        for path in sorted(self._directory.iterdir()):
            if len(held) + len(found) >= ADOPTED_MOST:
                break
            run = path.name.removesuffix(SUFFIX).removesuffix(REWRITE_SUFFIX)
            if run == self.run or run in held:
                continue
            try:
                if path.name.endswith(REWRITE_SUFFIX):
                    self._clear(path)
                elif path.name.endswith(SUFFIX) and (spool := SpoolFile.adopt(self._disk, path)) is not None:
                    if spool.last < spool.first:
                        spool.remove()
                    else:
                        found.append(spool)
            except OSError:
                self.faults += 1
        return found

    def close(self) -> None:
        """Give up the lock. With everything confirmed the file goes; else it stays for whoever adopts it."""
        if self._file is not None:
            if self._confirmed == self._last:
                self._file.remove()
            else:
                self._file.close()
            self._file = None

    def _clear(self, path: Path) -> None:
        """Remove a rewritten file that a killed process did not put in place: the old one has everything."""
        fd = self._disk.open(path, 0)
        try:
            if self._disk.lock(fd):
                self._disk.unlink(path)
        finally:
            self._disk.close(fd)
