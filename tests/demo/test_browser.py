"""Readers in a real Chromium, on the demo that everybody starts."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from kit.demo import RunningDemo

WEB = Path(__file__).parents[2] / "web"

# The checks wait for conditions, at most 40 s each; all of them take about a minute. Seconds.
PATIENCE = 600

pytestmark = [pytest.mark.servers, pytest.mark.browser]


@pytest.mark.parametrize("checks", ["run", "run-connection"])
def test_in_a_browser(tmp_path: Path, checks: str) -> None:
    node = shutil.which("node")
    assert node, "Node is missing: `make test` brings it along."
    assert (WEB / "e2e" / "node_modules").is_dir(), "The browser driver is not installed: `make test` does it."
    with RunningDemo(tmp_path, "--port", "0") as demo:
        demo.wait_ready()
        result = subprocess.run(
            [node, f"e2e/{checks}.mjs"],
            cwd=WEB,
            env={**os.environ, "PARLEY_URL": f"{demo.url}/", "PARLEY_DEMO_PID": str(demo.process.pid)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        print(result.stdout)
        logs = "\n".join(path.read_text()[-2_000:] for path in sorted((tmp_path / "log").iterdir()))
        assert result.returncode == 0, f"{result.stdout}\n{demo.notes}\n{logs}"


def test_each_state_of_the_widget() -> None:
    node = shutil.which("node")
    assert node, "Node is missing: `make test` brings it along."
    result = subprocess.run(
        [node, "e2e/run-pages.mjs"],
        cwd=WEB,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert result.returncode == 0, result.stdout
