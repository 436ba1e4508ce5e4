"""From the bytes of an import to the operations that it takes, in bounded memory."""

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

import msgspec

from parley.errors import BadInput, Refusal
from parley_gateway.core import web_annotation
from parley_gateway.core.imported import Imported, ImportedChat, ImportedComment
from parley_gateway.core.operation import Operation
from parley_gateway.core.portable import BanLine, ChatLine, CommentLine, EndLine, Line, decode_line

#: Bytes of one line or annotation. Only reactions of many thousands of readers make one that long.
LONGEST_LINE = 4 * 1024 * 1024
#: Bytes before the list of annotations. A longer name or description belongs into no annotation page.
LONGEST_HEAD = 65_536
#: Comments, and bytes of lines, in one operation: a chat with more comes in several.
PIECE_COMMENTS, PIECE_BYTES = 200, 512 * 1024


class Splitter(Protocol):
    """Finds lines, or annotations, in bytes as they come."""

    def feed(self, data: bytes) -> Iterator[bytes]: ...
    def close(self) -> Iterator[bytes]: ...


class Lines:
    """Lines that are not empty."""

    def __init__(self) -> None:
        # Grows in place: whoever sends a long line byte by byte must not have it copied as often.
        self._rest = bytearray()

    def feed(self, data: bytes) -> Iterator[bytes]:
        """What is complete. Raises `too-big`."""
        first, *others = data.split(b"\n")
        self._rest += first
        for line in others:
            if self._rest.strip():
                yield bytes(self._rest)
            self._rest[:] = line
        _bounded(self._rest)

    def close(self) -> Iterator[bytes]:
        if self._rest.strip():
            yield bytes(self._rest)


class Items:
    """The objects in the list `items` of a JSON object (also in `first`), wherever its line feeds stand."""

    _MARK = re.compile(rb'["\\{}\[\]]')

    def __init__(self) -> None:
        self._rest = bytearray()
        self._at = 0
        self._start = 0
        self._depth = 0
        self._string = False
        self._begun = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Annotations that are complete. Raises `too-big`."""
        self._rest += data
        if not self._begun:
            found = re.search(rb'"items"\s*:\s*\[', self._rest)
            if found is None:
                if len(self._rest) > LONGEST_HEAD:
                    raise BadInput("too-big", f"No list `items` begins within the first {LONGEST_HEAD} bytes.")
                return
            self._begun, self._at = True, found.end()
        yield from self._objects()
        keep = self._start if self._depth > 0 else self._at
        del self._rest[:keep]
        self._at, self._start = self._at - keep, 0
        _bounded(self._rest)

    def close(self) -> Iterator[bytes]:
        """Raises `bad-frame` when the list was not closed."""
        if self._depth >= 0:
            raise BadInput("bad-frame", "The list of annotations does not end.")
        return iter(())

    def _objects(self) -> Iterator[bytes]:
        while self._depth >= 0 and (found := self._MARK.search(self._rest, self._at)):
            mark = found[0]
            if mark == b"\\":
                if found.end() == len(self._rest):
                    self._at = found.start()
                    return
                self._at = found.end() + 1
                continue
            self._at = found.end()
            if mark == b'"':
                self._string = not self._string
            elif not self._string and mark in b"{[":
                if self._depth == 0:
                    self._start = found.start()
                self._depth += 1
            elif not self._string:
                self._depth -= 1
                if self._depth == 0:
                    yield bytes(self._rest[self._start : self._at])
        self._at = len(self._rest)


def _bounded(rest: bytearray) -> None:
    if len(rest) > LONGEST_LINE:
        raise BadInput("too-big", f"A line is longer than {LONGEST_LINE} bytes.")


def annotations(data: bytes) -> list[Line]:
    """One annotation's lines."""
    return [*web_annotation.read(data)]


def lines(data: bytes) -> list[Line]:
    """One line."""
    return [decode_line(data)]


class ImportReader:
    """Collects a chat's lines. What comes out is an operation, a ban, or why a line cannot be taken."""

    def __init__(self, tenant: str, splitter: Splitter, parse: Callable[[bytes], list[Line]]) -> None:
        self._tenant = tenant
        self._splitter = splitter
        self._parse = parse
        self._chat: ChatLine | None = None
        self._before: tuple[str, str] | None = None
        self._place = 0
        self._comments: list[CommentLine] = []
        self._bytes = 0
        #: Number of the line that was read last.
        self.line = 0
        #: Whether the end was reached: a file that was cut says nothing.
        self.ended = False

    def feed(self, data: bytes) -> Iterator[Operation | BanLine | Refusal]:
        """Bytes as they come."""
        yield from self._take(self._splitter.feed(data))

    def close(self) -> Iterator[Operation | BanLine | Refusal]:
        """Nothing more comes."""
        yield from self._take(self._splitter.close())
        yield from self._piece()

    def _take(self, found: Iterable[bytes]) -> Iterator[Operation | BanLine | Refusal]:
        for data in found:
            self.line += 1
            try:
                parsed = self._parse(data)
            except BadInput as refusal:
                yield refusal
                continue
            for line in parsed:
                yield from self._line(line, len(data))

    def _line(self, line: Line, size: int) -> Iterator[Operation | BanLine | Refusal]:
        if isinstance(line, CommentLine):
            if self._chat is None or line.chat != self._chat.id:
                yield BadInput("bad-field", "A comment must follow its discussion.")
                return
            if (line.id == line.chat) != (self._place + len(self._comments) == 0):
                yield BadInput("bad-field", "The first comment of a discussion, and no other, has its id.")
                return
            if any(line.id == comment.id for comment in self._comments):
                yield BadInput("bad-field", "A comment has this id already.")
                return
            self._comments.append(line)
            self._bytes += size
            if len(self._comments) >= PIECE_COMMENTS or self._bytes >= PIECE_BYTES:
                yield from self._piece()
            return
        yield from self._piece()
        self._chat = None
        if isinstance(line, ChatLine):
            self._chat, self._before, self._place = line, None, 0
        elif isinstance(line, BanLine):
            yield line
        elif isinstance(line, EndLine):
            self.ended = True

    def _piece(self) -> Iterator[Operation]:
        chat, comments = self._chat, self._comments
        if chat is None or not comments:
            return
        first = chat if self._before is None else None
        said = [_comment(comment) for comment in comments]
        imported = Imported(None if first is None else _chat(first), self._place, said, self._before)
        # The page is part of what is compared when it comes again; the tenant is not.
        digest = hashlib.sha256(msgspec.json.encode(["import", chat.page, chat.id, imported])).hexdigest()
        self._before = comments[0].id, digest
        self._place += len(comments)
        self._comments, self._bytes = [], 0
        yield Operation(
            tenant=self._tenant,
            page=chat.page,
            id=comments[0].id,
            op="import",
            author=comments[0].by,
            moderator=True,
            digest=digest,
            chat="" if first is not None else chat.id,
            imported=imported,
        )


def _chat(line: ChatLine) -> ImportedChat:
    return ImportedChat(line.id, line.state, line.hidden, line.anchor, line.by, line.at)


def _comment(line: CommentLine) -> ImportedComment:
    return ImportedComment(line.id, line.by, line.at, line.text, line.edited, line.reactions)


def jsonl_reader(tenant: str) -> ImportReader:
    """Reads what an export as JSON Lines wrote."""
    return ImportReader(tenant, Lines(), lines)


def annotation_reader(tenant: str) -> ImportReader:
    """Reads W3C Web Annotations."""
    reader = ImportReader(tenant, Items(), annotations)
    reader.ended = True  # a list that does not end is an error of its own
    return reader
