"""What `make` says on machines where it cannot work, and that it says what it can."""

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

PYTHONS = ("python3", "python3.14", "python3.13", "python3.12", "python3.11")


def make(*arguments: str, path: Path | None = None) -> "subprocess.CompletedProcess[str]":
    search = os.environ["PATH"] if path is None else f"{path}{os.pathsep}{os.environ['PATH']}"
    # A `make` around these tests would hand its own options on.
    env = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")}
    return subprocess.run(
        ["make", "--no-print-directory", *arguments],
        cwd=ROOT,
        env={**env, "PATH": search},
        capture_output=True,
        text=True,
        check=False,
    )


def only_pythons(tmp_path: Path, script: str) -> Path:
    """A directory in which every Python is this shell script."""
    for name in PYTHONS:
        (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / name).chmod(0o755)
    return tmp_path


def test_make_alone_lists_every_target() -> None:
    phony = re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert phony is not None
    listed = set(re.findall(r"^make (\w+)", make().stdout, re.MULTILINE))
    assert listed == set(phony[1].split()) - {"help"}


def test_a_python_that_is_too_old_is_said(tmp_path: Path) -> None:
    shadow = only_pythons(tmp_path, "echo Python 3.9.2; exit 1")
    made = make(f"VENV={tmp_path}/venv", f"{tmp_path}/venv/.python", path=shadow)
    assert made.returncode != 0
    assert "Parley needs Python 3.11 or newer; Python 3.9.2 is what python3 is here." in made.stderr
    assert "make PYTHON=" in made.stderr
    assert not (tmp_path / "venv").exists()


def test_a_python_without_venv_is_said(tmp_path: Path) -> None:
    shadow = only_pythons(tmp_path, 'case "$*" in *ensurepip*) exit 1;; *) exit 0;; esac')
    made = make(f"VENV={tmp_path}/venv", f"{tmp_path}/venv/.python", path=shadow)
    assert made.returncode != 0
    assert "apt install python3-venv" in made.stderr


def test_another_python_is_taken_when_python3_is_too_old(tmp_path: Path) -> None:
    shadow = only_pythons(tmp_path, "exit 1")
    made = make(f"VENV={tmp_path}/venv", f"PYTHON={sys.executable}", f"{tmp_path}/venv/.python", path=shadow)
    assert made.returncode == 0, made.stderr
    assert (tmp_path / "venv" / "bin" / "python").exists()
