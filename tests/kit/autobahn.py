"""`python -m kit.autobahn`: the gateway's WebSocket side against the Autobahn|Testsuite, where a Python 2.7 is found.

The interpreter is `PARLEY_PYTHON27`, else `python2.7` of the path or of pyenv. The suite is installed once into the
directory that `PARLEY_AUTOBAHN` names, else into the user's cache.
"""

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import click

from kit.gateway import ROOMS

#: With its own dependencies as they were then: nothing newer of them runs on that Python.
SUITE = "autobahntestsuite==25.10.1"
#: Without compression, which is not negotiated (12, 13).
CASES = ["1.*", "2.*", "3.*", "4.*", "5.*", "6.*", "7.*", "9.*", "10.*"]
#: What the suite says of a case that a conforming server may end in.
GOOD = frozenset({"OK", "NON-STRICT", "INFORMATIONAL"})
#: Cases that there are at least: fewer means that the suite did not run them.
LEAST = 300
#: Seconds.
INSTALLING, RUNNING = 900, 1_200

_RUN = "import site, sys; site.addsitedir({site!r}); sys.argv[:] = ['wstest', '-m', 'fuzzingclient', '-s', {spec!r}]; "
_START = "from autobahntestsuite import wstest; wstest.run()"


def python27() -> str | None:
    """A Python 2.7 with pip; None where there is none."""
    return next((path for path in _candidates() if _works(path)), None)


def _candidates() -> Iterator[str]:
    if named := os.environ.get("PARLEY_PYTHON27"):
        yield named
        return
    if found := shutil.which("python2.7"):
        yield found
    root = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    yield from (str(path) for path in sorted(root.glob("versions/2.7*/bin/python2.7")))


def _works(path: str) -> bool:
    code = "import pip, sys; sys.exit(sys.version_info[:2] != (2, 7))"
    try:
        return subprocess.run([path, "-c", code], capture_output=True, timeout=60, check=False).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def installed(python: str) -> Path:
    """Where the suite is; installs it first if need be."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    site = Path(os.environ.get("PARLEY_AUTOBAHN") or cache / "parley" / SUITE.replace("==", "-"))
    if not (site / "autobahntestsuite").is_dir():
        site.parent.mkdir(parents=True, exist_ok=True)
        fresh = site.with_suffix(".new")
        shutil.rmtree(fresh, ignore_errors=True)
        subprocess.run(
            [python, "-m", "pip", "install", "--quiet", "--target", str(fresh), SUITE],
            check=True, capture_output=True, text=True, timeout=INSTALLING,
        )  # fmt: skip
        fresh.rename(site)
    return site


def run(python: str, url: str, directory: Path) -> Mapping[str, Mapping[str, object]]:
    """Case → {behavior, behaviorClose, …} as the suite reports them of the server at `url`."""
    report, spec = directory / "report", directory / "spec.json"
    wanted = {"outdir": str(report), "servers": [{"agent": "parley", "url": url}], "cases": CASES, "exclude-cases": []}
    spec.write_text(json.dumps(wanted))
    code = _RUN.format(site=str(installed(python)), spec=str(spec)) + _START
    started = [python, "-c", code]
    done = subprocess.run(started, cwd=directory, capture_output=True, text=True, timeout=RUNNING, check=False)
    index = report / "index.json"
    if done.returncode != 0 or not index.exists():
        raise click.ClickException(f"The suite broke:\n{(done.stdout + done.stderr)[-2_000:]}")
    found: dict[str, Mapping[str, object]] = json.loads(index.read_text())["parley"]
    return found


@contextmanager
def echo_server() -> Iterator[str]:
    """The address of a server that echoes over the gateway's own WebSocket code."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.set_inheritable(True)
        server = subprocess.Popen(
            [sys.executable, "-m", "kit.echo_server", str(listening.fileno())],
            env={**os.environ, "PYTHONPATH": os.pathsep.join([ROOMS, str(Path(__file__).parents[1])])},
            pass_fds=[listening.fileno()],
        )
        try:
            yield f"ws://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.kill()
            server.wait()


@click.command()
@click.option("--keep", type=click.Path(path_type=Path), help="Directory for the suite's own report (HTML and JSON).")
def main(keep: Path | None) -> None:
    """Exit status 1 when a case fails, 0 when all pass or there is no Python 2.7, which is said."""
    python = python27()
    if python is None:
        click.echo(
            "NOT RUN: the Autobahn|Testsuite needs a Python 2.7, and none was found. Name one in PARLEY_PYTHON27."
        )
        return
    with tempfile.TemporaryDirectory() as temporary, echo_server() as url:
        directory = (keep or Path(temporary)).absolute()
        directory.mkdir(parents=True, exist_ok=True)
        cases = run(python, url, directory)
    # How a case ended, and how the connection was closed after it: both count.
    bad = {
        case: result
        for case, result in cases.items()
        if result["behavior"] not in GOOD or result["behaviorClose"] not in GOOD
    }
    tally = Counter(str(result["behavior"]) for result in cases.values())
    click.echo(f"{SUITE}: {len(cases)} cases: " + ", ".join(f"{count} {name}" for name, count in sorted(tally.items())))
    for case, result in bad.items():
        click.echo(f"FAILED {case}: {result['behavior']}, close {result['behaviorClose']}")
    raise SystemExit(1 if bad or len(cases) < LEAST else 0)


if __name__ == "__main__":
    main()
