"""More sums than memory should hold, in order: sorted parts in temporary files, merged as they are read."""

import os
import tempfile
from collections.abc import Iterator
from itertools import chain
from typing import IO

import msgspec

from parley_billing.core.reconciliation import Entry, merged

#: Parts of one size. When there are as many they become one of the next size: a sum is written once for each size, and
#: files and memory grow with the logarithm of the ledger only.
PARTS_MOST = 16
#: Sums that are read from one part at once: 16 parts hold some 3 MB.
BLOCK = 500

_decoder = msgspec.msgpack.Decoder(list[Entry])


class SortedSums:
    """A context: its files, which have no names, are gone after it. Raises `OSError` when the disk does not take them.

    The last part may be `kept` in memory: a ledger that fits there never touches the disk.
    """

    def __init__(self) -> None:
        #: By size, the smallest first.
        self._parts: list[list[IO[bytes]]] = []
        self.kept: list[Entry] = []

    def __enter__(self) -> "SortedSums":
        return self

    def __exit__(self, *_: object) -> None:
        for part in chain(*self._parts):
            part.close()

    def spill(self, entries: list[Entry]) -> None:
        """Take a part that is in order."""
        self._place(0, _written(iter(entries)))

    def _place(self, size: int, part: IO[bytes]) -> None:
        if size == len(self._parts):
            self._parts.append([])
        parts = self._parts[size]
        parts.append(part)
        if len(parts) == PARTS_MOST:
            self._place(size + 1, _written(merged(map(_read, parts))))
            self._parts[size] = []
            for each in parts:
                each.close()

    def __iter__(self) -> Iterator[Entry]:
        """All of them, in order, each key once. Any number of times."""
        return merged([*map(_read, chain(*self._parts)), self.kept])


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
