"""A coverage-guided fuzzer: mutates a corpus, keeps what reaches new lines, and stops at the first finding.

The tracer is Python's own, so it runs wherever the tests do and sees exactly the files that it is asked to watch.
The same seed tries the same inputs in the same order, however fast the machine is.
"""

import random
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

#: Seconds for one input of at most `LONGEST` bytes, traced, on a loaded machine. Slower: the parser is not linear.
SLOWEST = 2.0
#: Bytes of one input.
LONGEST = 16_384
#: Mutations on top of each other.
MOST_MUTATIONS = 8

_BYTES = bytes(range(256))


@dataclass(frozen=True)
class Target:
    """`run` must take any bytes, and raises when it finds something. `watched`: the files whose lines count."""

    name: str
    run: Callable[[bytes], None]
    watched: Sequence[str]
    words: Sequence[bytes] = ()


@dataclass
class Finding:
    """What went wrong, and with which input."""

    data: bytes
    text: str


@dataclass
class Report:
    """One run. `kept`: the corpus, the new inputs at its end."""

    executions: int = 0
    edges: set[int] = field(default_factory=set)
    kept: list[bytes] = field(default_factory=list)
    finding: Finding | None = None


def read_corpus(path: Path) -> list[bytes]:
    """One input a line, escaped as in a Python string."""
    lines = path.read_text(encoding="ascii").splitlines() if path.exists() else []
    return [line.encode().decode("unicode_escape").encode("latin-1") for line in lines]


def write_corpus(path: Path, inputs: Sequence[bytes]) -> None:
    """Sorted by length, so that a change of it reads well."""
    lines = [
        data.decode("latin-1").encode("unicode_escape").decode() for data in sorted(inputs, key=lambda x: (len(x), x))
    ]
    path.write_text("".join(f"{line}\n" for line in lines), encoding="ascii")


class Fuzzer:
    """One target with one seed."""

    def __init__(self, target: Target, corpus: Sequence[bytes], seed: int) -> None:
        self._target = target
        self._random = random.Random(seed)
        self._corpus = list(corpus)
        self.report = Report()

    def fuzz(self, seconds: float) -> Report:
        """For so long on the clock, and at least over the corpus as it is."""
        until = time.monotonic() + seconds
        for data in self._corpus:
            if self._try(data):
                return self.report
        self.report.kept = self._corpus
        while time.monotonic() < until:
            data = self._mutant()
            before = len(self.report.edges)
            if self._try(data):
                break
            if len(self.report.edges) > before:
                self._corpus.append(data)
        return self.report

    def minimal(self) -> list[bytes]:
        """The shortest inputs that together reach every line of the corpus."""
        reached: set[int] = set()
        kept = []
        for data in sorted(self._corpus, key=len):
            edges: set[int] = set()
            _traced(self._target, data, edges)
            if not edges <= reached:
                reached |= edges
                kept.append(data)
        return kept

    def _try(self, data: bytes) -> bool:
        """True at a finding."""
        self.report.executions += 1
        started = time.thread_time()
        try:
            _traced(self._target, data, self.report.edges)
        except Exception:
            self.report.finding = Finding(data, traceback.format_exc())
            return True
        if time.thread_time() - started > SLOWEST:
            self.report.finding = Finding(data, f"{len(data)} bytes took more than {SLOWEST} s")
            return True
        return False

    def _mutant(self) -> bytes:
        chance = self._random
        data = bytearray(chance.choice(self._corpus))
        for _ in range(chance.randint(1, MOST_MUTATIONS)):
            chance.choice(_MUTATIONS)(self, data)
        return bytes(data[:LONGEST])

    def _place(self, data: bytearray) -> int:
        return self._random.randrange(len(data) + 1)

    def _flip(self, data: bytearray) -> None:
        if data:
            data[self._random.randrange(len(data))] ^= 1 << self._random.randrange(8)

    def _set(self, data: bytearray) -> None:
        if data:
            data[self._random.randrange(len(data))] = self._random.choice(_BYTES)

    def _insert(self, data: bytearray) -> None:
        at = self._place(data)
        data[at:at] = self._random.randbytes(self._random.randint(1, 4))

    def _word(self, data: bytearray) -> None:
        at = self._place(data)
        word = self._random.choice([*self._target.words, b"\x00", b"\xff", b"0", b'"', b"\\u0000", b"\xed\xa0\x80"])
        data[at : at + self._random.choice([0, len(word)])] = word

    def _delete(self, data: bytearray) -> None:
        at = self._place(data)
        del data[at : at + self._random.randint(1, 16)]

    def _repeat(self, data: bytearray) -> None:
        at = self._place(data)
        part = data[at : at + self._random.randint(1, 32)]
        data[at:at] = part * self._random.choice([1, 2, 8, 64])

    def _splice(self, data: bytearray) -> None:
        other = self._random.choice(self._corpus)
        data[self._place(data) :] = other[self._random.randrange(len(other) + 1) :]


_MUTATIONS: tuple[Callable[[Fuzzer, bytearray], None], ...] = (
    Fuzzer._flip,
    Fuzzer._set,
    Fuzzer._insert,
    Fuzzer._word,
    Fuzzer._word,
    Fuzzer._delete,
    Fuzzer._repeat,
    Fuzzer._splice,
)


def _traced(target: Target, data: bytes, edges: set[int]) -> None:
    """Run it, and add (line before, line) of the watched files to `edges`, each as one number."""
    watched = tuple(target.watched)
    last = 0

    def line(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal last
        if event == "line":
            here = hash((frame.f_code.co_filename, frame.f_lineno)) & 0xFFFF_FFFF
            edges.add(last << 32 | here)
            last = here
        return line

    def call(frame: FrameType, _event: str, _: Any) -> Any:
        return line if frame.f_code.co_filename.endswith(watched) else None

    sys.settrace(call)
    try:
        target.run(data)
    finally:
        sys.settrace(None)
