"""A process knows what its cgroup allows, whichever version, and else what the machine has."""

import time
from pathlib import Path

import pytest

from parley_gateway.shell.own_load import OwnLoad

MIB = 1024 * 1024


def write(folder: Path, **files: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text + "\n")


def test_version_two_counts_all_but_files_that_can_be_dropped_against_the_nearest_limit(tmp_path: Path) -> None:
    write(tmp_path, membership="0::/pod/gateway")
    write(tmp_path / "pod", memory__max=str(1000 * MIB), memory__current=str(900 * MIB))
    own = tmp_path / "pod" / "gateway"
    write(own, memory__max=str(400 * MIB), memory__current=str(300 * MIB), cpu__max="50000 100000")
    write(own, memory__stat=f"anon {100 * MIB}\ninactive_file {100 * MIB}")
    load = OwnLoad(cgroups=tmp_path, membership=tmp_path / "membership")
    assert load.memory() == pytest.approx(0.5)


def test_a_limit_of_whoever_is_around_it_holds_too(tmp_path: Path) -> None:
    write(tmp_path, membership="0::/pod/gateway")
    write(tmp_path / "pod", memory__max=str(200 * MIB), memory__current=str(150 * MIB))
    write(tmp_path / "pod" / "gateway", memory__max="max", memory__current=str(10 * MIB))
    load = OwnLoad(cgroups=tmp_path, membership=tmp_path / "membership")
    assert load.memory() == pytest.approx(0.75)


def test_version_one(tmp_path: Path) -> None:
    write(tmp_path, membership="4:memory:/somewhere/else\n1:cpu:/")
    folder = tmp_path / "memory"
    write(folder, memory__limit_in_bytes=str(100 * MIB), memory__usage_in_bytes=str(80 * MIB))
    write(folder, memory__stat=f"total_inactive_file {30 * MIB}")
    load = OwnLoad(cgroups=tmp_path, membership=tmp_path / "membership")
    assert load.memory() == pytest.approx(0.5)


def test_without_a_cgroup_the_machine_is_the_limit_and_a_given_one_comes_first(tmp_path: Path) -> None:
    free = OwnLoad(cgroups=tmp_path, membership=tmp_path / "none")
    assert 0 < free.memory() < 1
    limited = OwnLoad(MIB, cgroups=tmp_path, membership=tmp_path / "none")
    assert limited.memory() > 1
    write(tmp_path, membership="0::/", memory__max=str(4 * MIB), memory__current=str(MIB))
    assert OwnLoad(MIB, cgroups=tmp_path, membership=tmp_path / "membership").memory() > 1


@pytest.mark.parametrize(("quota", "times"), [("max 100000", 1), ("10000 100000", 10)])
def test_cpu_is_that_of_a_core_or_of_the_quota(tmp_path: Path, quota: str, times: int) -> None:
    write(tmp_path, membership="0::/", cpu__max=quota)
    load = OwnLoad(cgroups=tmp_path, membership=tmp_path / "membership")
    began, end = time.monotonic(), time.thread_time() + 0.2
    while time.thread_time() < end:
        pass
    elapsed = time.monotonic() - began
    # Exactly, but for what this line and a busy machine take.
    assert load.cpu() == pytest.approx(0.2 / elapsed * times, rel=0.1)
