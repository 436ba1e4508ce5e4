"""Answers to joins that are kept for a while: those who come, or come back, have the same few cursors."""

from collections import OrderedDict
from typing import TypeAlias

import msgspec

from parley_gateway.core.page_answer import Part

#: Bytes of one answer that is kept; a larger one is read again.
ANSWER_BYTES = 256 * 1024
#: Bytes of all answers that are kept. Beyond it the one that was longest not asked for is read again.
KEPT_BYTES = 32 * 1024 * 1024
#: Bytes that an answer takes besides its parts, about.
_OVERHEAD = 1_024

#: Tenant, page, and the cursor: epoch (None: from the beginning) and seq.
JoinKey: TypeAlias = tuple[str, str, str | None, int]


class Answer(msgspec.Struct):
    """The database's answer from one cursor. `seq`: the head at that moment; `under`: the epoch that this gateway knew
    when it asked."""

    epoch: str
    seq: int
    kind: str
    parts: list[Part]
    under: str | None = None

    @property
    def part(self) -> Part:
        """All parts as one, without the limit of a frame: for HTTP."""
        if len(self.parts) == 1:
            return self.parts[0]
        chats = [chat for part in self.parts for chat in part.chats]
        gone = [gone for part in self.parts for gone in part.gone]
        return Part(chats, gone, self.parts[-1].seq, self.parts[-1].more)

    @property
    def bytes(self) -> int:
        """About what it takes in memory."""
        return _OVERHEAD + sum(sum(map(len, part.chats)) + sum(len(gone) for gone in part.gone) for part in self.parts)


class KeptAnswers:
    """Answers by key, within `most` bytes."""

    def __init__(self, most: int = KEPT_BYTES) -> None:
        self._most = most
        self._held: OrderedDict[JoinKey, tuple[Answer, int]] = OrderedDict()
        self.bytes = 0

    def get(self, key: JoinKey) -> Answer | None:
        """The answer that is kept, whether or not it still is true."""
        found = self._held.get(key)
        if found is None:
            return None
        self._held.move_to_end(key)
        return found[0]

    def put(self, key: JoinKey, answer: Answer) -> None:
        """Keep it, unless it is too large."""
        self.drop(key)
        size = answer.bytes
        if size > ANSWER_BYTES:
            return
        self._held[key] = (answer, size)
        self.bytes += size
        while self.bytes > self._most:
            _, (_, gone) = self._held.popitem(last=False)
            self.bytes -= gone

    def drop(self, key: JoinKey) -> None:
        """It is not true any more."""
        found = self._held.pop(key, None)
        if found is not None:
            self.bytes -= found[1]
