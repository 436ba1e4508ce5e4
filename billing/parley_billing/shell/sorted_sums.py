"""More sums than memory should hold, in order: sorted parts in temporary files, merged as they are read."""

import os
import tempfile
from collections.abc import Iterator
from typing import IO

import msgspec

from parley_billing.core.reconciliation import Entry, merged

#: Parts. When there are as many they become one, so that neither files nor memory grow with the ledger.
PARTS_MOST = 64
#: Sums that are read from one part at once: 64 parts hold some 10 MB.
BLOCK = 500

_decoder = msgspec.msgpack.Decoder(list[Entry])


class SortedSums:
    """A context: its files, which have no names, are gone after it. Raises `OSError` when the disk does not take them.

    The last part may be `kept` in memory: a ledger that fits there never touches the disk.
    """

    def __init__(self) -> None:
        self._parts: list[IO[bytes]] = []
        self.kept: list[Entry] = []

    def __enter__(self) -> "SortedSums":
        return self

    def __exit__(self, *_: object) -> None:
        for part in self._parts:
            part.close()

    def spill(self, entries: list[Entry]) -> None:
        """Take a part that is in order."""
        if len(self._parts) == PARTS_MOST:
            together = _written(merged(map(_read, self._parts)))
            for part in self._parts:
                part.close()
            self._parts = [together]
        self._parts.append(_written(iter(entries)))

    def __iter__(self) -> Iterator[Entry]:
        """All of them, in order, each key once. Any number of times."""
        return merged([*map(_read, self._parts), self.kept])


def _written(entries: Iterator[Entry]) -> IO[bytes]:
    part = tempfile.TemporaryFile(prefix="parley-sums-", buffering=1 << 16)  # noqa: SIM115  (closed by the context)
    try:
        block: list[Entry] = []
        for entry in entries:
            block.append(entry)
            if len(block) == BLOCK:
                _write(part, block)
                block = []
        _write(part, block)
        part.flush()
    except BaseException:
        part.close()
        raise
    return part


def _write(part: IO[bytes], block: list[Entry]) -> None:
    data = msgspec.msgpack.encode(block)
    part.write(len(data).to_bytes(4, "big") + data)


def _read(part: IO[bytes]) -> Iterator[Entry]:
    offset = 0
    while head := os.pread(part.fileno(), 4, offset):
        size = int.from_bytes(head, "big")
        yield from _decoder.decode(os.pread(part.fileno(), size, offset + 4))
        offset += 4 + size
