"""Sealed usage records, read off the bytes that gateways send to Redis: independent of spool, stream and ledger."""

from collections.abc import Callable

from parley.redis_keys import BODY, Keys
from parley.usage import decode_record


class UsageTap:
    """Every record that was on its way to the stream, by (run, number); again means the same bytes."""

    def __init__(self, prefix: str = "parley") -> None:
        self._stream = Keys(prefix).usage.encode()
        self.bodies: dict[tuple[str, int], bytes] = {}
        #: Records that came with other bytes than before: there must be none.
        self.conflicts: list[tuple[str, int]] = []

    def connection(self) -> Callable[[bytes], None]:
        """Follows one connection: call it with what the client sends, piece by piece."""
        commands = _Commands()

        def see(data: bytes) -> None:
            for words in commands.feed(data):
                if words[0].upper() == b"XADD" and words[1] == self._stream:
                    self._take(words[words.index(BODY.encode(), 2) + 1])

        return see

    def _take(self, body: bytes) -> None:
        record = decode_record(body)
        if self.bodies.setdefault((record.run, record.number), body) != body:
            self.conflicts.append((record.run, record.number))


class _Commands:
    """Redis's protocol as clients speak it: arrays of bulk strings."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[list[bytes]]:
        """The commands that are complete now."""
        self._buffer += data
        found = []
        while (command := self._next()) is not None:
            found.append(command)
        return found

    def _next(self) -> list[bytes] | None:
        buffer = self._buffer
        end = buffer.find(b"\r\n")
        if end < 0:
            return None
        assert buffer[:1] == b"*", "clients send arrays"
        words: list[bytes] = []
        place = end + 2
        for _ in range(int(buffer[1:end])):
            end = buffer.find(b"\r\n", place)
            if end < 0:
                return None
            start = end + 2
            place = start + int(buffer[place + 1 : end]) + 2
            if place > len(buffer):
                return None
            words.append(bytes(buffer[start : place - 2]))
        del buffer[:place]
        return words
