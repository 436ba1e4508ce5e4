"""The repository keeps its own rules."""

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = ("common", "gateway", "billing", "operator")
LONGEST_FILE = 500  # lines

PACKAGES = ("parley", "parley_runtime", "parley_gateway", "parley_billing", "parley_operator")

#: Written in two parts, so that this file does not hold them itself.
FORBIDDEN = {
    "a path of somebody's machine": re.compile("(?<![\\w.])/(?:" + "work|root|home|Users" + r")/\w"),
    "the host of a registry": re.compile(
        r"(?:files\.python" + r"hosted\.org|pypi\." + r"org/simple|registry\.npm" + r"js\.org|artifac" + r"tory)"
    ),
}


def tracked(*patterns: str) -> list[Path]:
    """Files of the repository that exist now; new ones too, ignored ones not."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", *patterns],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    files = {ROOT / name for name in listed.stdout.decode().split("\0") if name}
    return sorted(path for path in files if path.is_file())


def test_rooms_hold_only_packages_and_a_readme() -> None:
    for room in ROOMS:
        for path in tracked(room):
            inside = path.relative_to(ROOT / room)
            assert inside.parts[0] in PACKAGES or str(inside) == "README.md", path


def test_no_room_and_no_folder_of_tests_is_a_package() -> None:
    wrong = [
        path for path in tracked("*__init__.py") if path.parent.name in ROOMS or path.is_relative_to(ROOT / "tests")
    ]
    assert wrong == []


def test_no_python_file_is_long() -> None:
    lengths = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in tracked("*.py")}
    assert {name: length for name, length in lengths.items() if length > LONGEST_FILE} == {}


@pytest.mark.parametrize("what", FORBIDDEN)
def test_no_file_names(what: str) -> None:
    found = []
    for path in tracked():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue  # pictures and fonts
        found += [f"{path.relative_to(ROOT)}: {match[0]}" for match in FORBIDDEN[what].finditer(text)]
    assert found == []


def test_every_python_file_says_what_it_is() -> None:
    silent = [
        str(path.relative_to(ROOT))
        for path in tracked("common/*.py", "gateway/*.py", "billing/*.py", "operator/*.py", "tests/*.py")
        if not path.read_text().lstrip().startswith(('"""', "'''"))
    ]
    assert silent == []


def test_every_direct_dependency_has_its_line() -> None:
    page = (ROOT / "docs/dependencies.md").read_text()
    lines = set(re.findall(r"^\| `([^`]+)` \|", page, re.MULTILINE))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wanted = [*project["build-system"]["requires"], *project["project"]["dependencies"]]
    for extra in project["project"]["optional-dependencies"].values():
        wanted += extra
    names = {re.match(r"[\w.-]+", requirement)[0] for requirement in wanted}  # type: ignore[index]
    for path in tracked("web/package.json", "web/*/package.json"):
        package = json.loads(path.read_text())
        names |= {*package.get("dependencies", {}), *package.get("devDependencies", {})}
    assert {"missing": names - lines, "left over": lines - names} == {"missing": set(), "left over": set()}


def test_the_layers_hold() -> None:
    places = [str(ROOT / room) for room in ROOMS if (ROOT / room).is_dir()]
    # The command's own file: `python -m importlinter` does not exist.
    linter = Path(sys.executable).with_name("lint-imports")
    result = subprocess.run(
        [str(linter), "--no-cache"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(places)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
