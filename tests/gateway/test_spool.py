"""A sealed record is never lost and never altered, whatever instruction the process dies at."""

import contextlib
import errno
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kit.billing_process import ROOMS
from parley.usage import UsageLine, decode_record
from parley_gateway.core.spool_frame import HEADER_BYTES, encode_frame
from parley_gateway.shell import spool as spool_module
from parley_gateway.shell import spool_file
from parley_gateway.shell.spool import Spool, new_run
from parley_gateway.shell.spool_file import Disk, SpoolFile


class Died(BaseException):
    """kill -9, as far as the files can tell."""


class DyingDisk(Disk):
    """Dies at the `at`-th call, before (`part` = 0), in the middle, or after it (`part` = 1). Counts its calls."""

    def __init__(self, at: int | None = None, part: float = 0.0) -> None:
        self.calls = 0
        self.renames = 0
        self._at = at
        self._part = part
        self._open: set[int] = set()

    def _step(self, before: Callable[[], object]) -> None:
        self.calls += 1
        if self.calls == self._at:
            if self._part == 1:
                before()
            raise Died

    def open(self, path: Path, flags: int) -> int:
        self._step(lambda: self._open.add(Disk.open(self, path, flags)))
        fd = super().open(path, flags)
        self._open.add(fd)
        return fd

    def close(self, fd: int) -> None:
        self._step(lambda: None)
        self._open.discard(fd)
        super().close(fd)

    def lock(self, fd: int) -> bool:
        self._step(lambda: Disk.lock(self, fd))
        return super().lock(fd)

    def write(self, fd: int, data: bytes) -> int:
        self._step(lambda: Disk.write(self, fd, data))
        return super().write(fd, data)

    def sync(self, fd: int) -> None:
        self._step(lambda: Disk.sync(self, fd))
        super().sync(fd)

    def truncate(self, fd: int, size: int) -> None:
        self._step(lambda: Disk.truncate(self, fd, size))
        super().truncate(fd, size)

    def rename(self, old: Path, new: Path) -> None:
        self.renames += 1
        self._step(lambda: Disk.rename(self, old, new))
        super().rename(old, new)

    def unlink(self, path: Path) -> None:
        self._step(lambda: Disk.unlink(self, path))
        super().unlink(path)

    def sync_directory(self, path: Path) -> None:
        self._step(lambda: Disk.sync_directory(self, path))
        super().sync_directory(path)

    def bury(self) -> None:
        """What the kernel does when a process has ended."""
        for fd in self._open:
            os.close(fd)
        self._open.clear()


class TornDisk(DyingDisk):
    """Of the write at which it dies a part reaches the file."""

    def write(self, fd: int, data: bytes) -> int:
        if self.calls + 1 == self._at:
            super(DyingDisk, self).write(fd, data[: int(len(data) * self._part)])
            raise Died
        return super().write(fd, data)


class World:
    """Billing as the spool sees it, and the truth about what was sealed."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.ledger: dict[tuple[str, int], bytes] = {}
        self.sealed: set[int] = set()
        self.tried: set[int] = set()
        self._tokens = iter(range(1, 1_000_000))
        self._runs = iter(range(1, 1_000_000))

    def new_spool(self, disk: Disk) -> Spool:
        return Spool(self.directory, new_run(next(self._runs)), disk)

    def put(self, spool: Spool, records: int) -> None:
        tokens = [next(self._tokens) for _ in range(records)]
        self.tried.update(tokens)
        lines = [UsageLine("acme", "", "delivery", 0, token, 1) for token in tokens]
        spool.put(lines, 0)
        self.sealed.update(tokens)

    def send(self, held: Spool | SpoolFile, most: int = 1_000) -> None:
        for number in range(held.first, min(held.last, held.first + most - 1) + 1):
            body = held.get(number)
            record = decode_record(body)
            assert (record.run, record.number) == (held.run, number)
            assert self.ledger.setdefault((record.run, number), body) == body, "same id, other payload"

    def confirm(self, held: Spool | SpoolFile) -> None:
        number = held.first - 1
        while (held.run, number + 1) in self.ledger:
            number += 1
        held.confirm(number)

    def adopt_all(self, disk: Disk, most: int = 1_000) -> None:
        for held in Spool(self.directory, "reader", disk).adopt(set()):
            self.send(held, most)
            self.confirm(held)
            if held.last < held.first:
                held.remove()
            else:
                held.close()

    def check(self) -> None:
        """After the last life: everything is in the ledger, and the directory is empty."""
        while any(self.directory.iterdir()):
            self.adopt_all(Disk())
        booked = [line.messages for body in self.ledger.values() for line in decode_record(body).lines]
        assert len(booked) == len(set(booked)), "doubled"
        assert self.sealed <= set(booked), "lost"
        assert set(booked) <= self.tried


@pytest.fixture(autouse=True)
def small_steps(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """One line a record and a rewrite after two, so that short scripts go every way."""
    monkeypatch.setattr(spool_module, "LINES_PER_RECORD", 1)
    monkeypatch.setattr(spool_file, "REWRITE_BYTES", 100)
    yield


def life(world: World, disk: Disk) -> None:
    """A life that goes through everything a spool does."""
    spool = world.new_spool(disk)
    world.adopt_all(disk, most=3)
    world.put(spool, 2)
    world.put(spool, 1)
    world.send(spool)
    world.confirm(spool)  # empties the file
    world.put(spool, 6)
    world.send(spool, most=4)
    world.confirm(spool)  # rewrites the file
    world.put(spool, 1)
    world.send(spool)
    world.put(spool, 2)
    world.adopt_all(disk)
    spool.close()


@pytest.mark.parametrize("part", [0.0, 1.0])
def test_killed_at_any_system_call_nothing_is_lost_or_doubled(part: float) -> None:
    at, died = 0, True
    while died:
        at += 1
        with tempfile.TemporaryDirectory() as folder:
            world = World(Path(folder))
            # The first life leaves something behind; the second dies at each of its calls; the third does not.
            for dies_at in (20, at, None):
                disk = DyingDisk(dies_at, part)
                with contextlib.suppress(Died):
                    life(world, disk)
                disk.bury()
                died = disk.calls >= at if dies_at == at else died
            world.check()
    assert at > 30, "a life has become too short to prove anything"


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 60), st.sampled_from([0.0, 0.1, 0.5, 0.99, 1.0])), max_size=4))
def test_killed_again_and_again_also_within_a_write_nothing_is_lost_or_doubled(
    deaths: list[tuple[int, float]],
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder))
        for at, part in deaths:
            disk = TornDisk(at, part)
            with contextlib.suppress(Died):
                life(world, disk)
            disk.bury()
        world.check()


class FullDisk(Disk):
    """Takes the first half of a write, and then nothing, while `full`."""

    full = True

    def write(self, fd: int, data: bytes) -> int:
        return super().write(fd, data[: len(data) // 2] if self.full else data)

    def truncate(self, fd: int, size: int) -> None:
        if self.full:
            raise OSError(errno.EIO, "bad day")
        super().truncate(fd, size)


def test_a_life_goes_through_a_rewrite(tmp_path: Path) -> None:
    disk = DyingDisk()
    life(World(tmp_path), disk)
    assert disk.renames == 1


def test_a_full_disk_keeps_records_in_memory_offers_them_and_writes_them_later(tmp_path: Path) -> None:
    world, disk = World(tmp_path), FullDisk()
    spool = world.new_spool(disk)
    world.put(spool, 3)
    assert (spool.first, spool.last, spool.faults) == (1, 3, 1)
    world.send(spool, most=2)  # billing is served from memory
    world.confirm(spool)
    world.put(spool, 1)
    assert (spool.first, spool.last, spool.faults) == (3, 4, 2)
    disk.full = False
    world.put(spool, 1)
    disk.full = True
    world.confirm(spool)
    world.put(spool, 2)
    world.send(spool)
    world.confirm(spool)  # cannot be cut off
    assert spool.last < spool.first
    world.put(spool, 2)
    disk.full = False
    spool.write()
    spool.close()
    world.check()
    assert world.sealed == world.tried == set(range(1, 10))


def test_with_too_much_in_memory_nothing_more_is_to_be_sealed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool_module, "PENDING_BYTES", 200)
    world, disk = World(tmp_path), FullDisk()
    spool = world.new_spool(disk)
    world.put(spool, 1)
    assert not spool.full
    world.put(spool, 3)
    assert spool.full
    disk.full = False
    spool.write()
    assert not spool.full
    spool.close()
    world.check()


def test_a_directory_that_cannot_be_written_is_tried_again(tmp_path: Path) -> None:
    (tmp_path / "spool").touch()  # a file where the directory should be
    world = World(tmp_path / "spool")
    spool = world.new_spool(Disk())
    world.put(spool, 1)
    assert spool.faults == 1
    (tmp_path / "spool").unlink()
    spool.write()
    spool.close()
    world.check()
    assert world.sealed == {1}


def test_a_torn_tail_is_cut_off_and_what_stands_before_it_is_kept(tmp_path: Path) -> None:
    whole = encode_frame(7, b"seven") + encode_frame(8, b"eight")
    for cut in range(len(whole) - HEADER_BYTES - 5, len(whole)):
        path = tmp_path / f"{cut}.spool"
        path.write_bytes(whole[:cut])
        spool = SpoolFile.adopt(Disk(), path)
        assert spool is not None
        assert (spool.first, spool.last, spool.get(7)) == (7, 7, b"seven")
        assert path.stat().st_size == HEADER_BYTES + 5
        spool.append(8, [b"again"])
        assert spool.get(8) == b"again"
        spool.close()


@given(st.binary(max_size=200), st.integers(0, 60), st.integers(1, 255))
def test_damaged_bytes_are_never_taken_for_a_record(garbage: bytes, place: int, change: int) -> None:
    whole = encode_frame(1, b"one") + encode_frame(2, b"two")
    data = bytearray(whole + garbage)
    data[place % len(whole)] ^= change
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.spool"
        path.write_bytes(data)
        spool = SpoolFile.adopt(Disk(), path)
        assert spool is not None
        for number in range(spool.first, spool.last + 1):
            assert spool.get(number) == {1: b"one", 2: b"two"}[number]
        spool.close()


def test_a_live_run_is_not_adopted_and_a_dead_one_by_one_process_only(tmp_path: Path) -> None:
    world = World(tmp_path)
    alive = world.new_spool(Disk())
    world.put(alive, 2)
    first, second = Spool(tmp_path, "first"), Spool(tmp_path, "second")
    assert first.adopt(set()) == []
    alive.close()
    (held,) = first.adopt(set())
    assert (held.run, held.first, held.last) == (alive.run, 1, 2)
    assert second.adopt(set()) == [] == first.adopt({held.run})
    held.close()
    world.check()


def test_not_more_dead_runs_than_the_limit_are_taken_at_once(tmp_path: Path) -> None:
    world = World(tmp_path)
    for _ in range(spool_module.ADOPTED_MOST + 3):
        spool = world.new_spool(Disk())
        world.put(spool, 1)
        spool.close()
    taken = Spool(tmp_path, "reader").adopt(set())
    assert len(taken) == spool_module.ADOPTED_MOST
    for held in taken:
        held.close()
    world.check()


def test_the_file_does_not_grow_while_billing_keeps_up(tmp_path: Path) -> None:
    world = World(tmp_path)
    spool = world.new_spool(Disk())
    for _ in range(200):
        world.put(spool, 2)
        world.send(spool, most=2)  # one or two are always unconfirmed
        world.confirm(spool)
        world.put(spool, 1)
        world.send(spool, most=1)
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) < 64 * 1024
    spool.close()
    world.check()


WRITER = """
import sys
from pathlib import Path
from parley.usage import UsageLine
from parley_gateway.shell.spool import Spool, new_run
spool = Spool(Path(sys.argv[1]), new_run(int(sys.argv[2])))
token = int(sys.argv[2]) * 1_000_000
while True:
    token += 1
    spool.put([UsageLine("acme", "", "delivery", 0, token, 1)], 0)
    assert not spool.faults
    print(token, flush=True)
    if token % 5 == 0:
        spool.confirm(spool.last - 2)
"""


def test_a_real_process_killed_while_it_writes_loses_nothing_it_sealed(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": ROOMS}
    for life_number in range(1, 4):
        process = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path), str(life_number)],
            stdout=subprocess.PIPE, env=environment,
        )  # fmt: skip
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(7 * life_number)]
        process.kill()
        lines += process.stdout.readlines()
        process.stdout.close()
        process.wait()
        sealed = [int(line) for line in lines if line.endswith(b"\n")]
        (held,) = Spool(tmp_path, "reader").adopt(set())
        found = {decode_record(held.get(n)).lines[0].messages for n in range(held.first, held.last + 1)}
        confirmed = held.first - 1
        assert set(sealed[confirmed:]) <= found
        assert found <= {*sealed, sealed[-1] + 1}
        held.remove()
