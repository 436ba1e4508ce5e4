"""Entries that wait for the bus: bounded by number and by bytes, the newest kept."""

from collections import deque


class Outbox:
    """In order. `most` entries of together `most_bytes`; a single larger one is kept alone."""

    __slots__ = ("_bytes", "_entries", "_most", "_most_bytes")

    def __init__(self, most: int, most_bytes: int) -> None:
        self._most = most
        self._most_bytes = most_bytes
        self._entries: deque[tuple[int, bytes]] = deque()
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._entries)

    def put(self, partition: int, body: bytes) -> int:
        """Add an entry. How many of the oldest had to go for it."""
        self._entries.append((partition, body))
        self._bytes += len(body)
        dropped = 0
        while len(self._entries) > self._most or (self._bytes > self._most_bytes and len(self._entries) > 1):
            self._bytes -= len(self._entries.popleft()[1])
            dropped += 1
        return dropped

    def take(self, most: int) -> list[tuple[int, bytes]]:
        """The oldest entries, at most so many; they are not in here any more."""
        taken = [self._entries.popleft() for _ in range(min(most, len(self._entries)))]
        self._bytes -= sum(len(body) for _, body in taken)
        return taken
