"""Readers in a real Chromium, on the demo that everybody starts."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from kit.demo import RunningDemo

WEB = Path(__file__).parents[2] / "web"

# The checks wait for conditions, at most 15 s each; all of them take well under a minute. Seconds.
PATIENCE = 300

pytestmark = [pytest.mark.servers, pytest.mark.browser]


def test_two_readers_and_a_second_tab(tmp_path: Path) -> None:
    node = shutil.which("node")
    assert node, "Node is missing: `make test` brings it along."
    assert (WEB / "e2e" / "node_modules").is_dir(), "The browser driver is not installed: `make test` does it."
    with RunningDemo(tmp_path, "--port", "0") as demo:
        demo.wait_ready()
        checks = subprocess.run(
            [node, "e2e/run.mjs"],
            cwd=WEB,
            env={**os.environ, "PARLEY_URL": f"{demo.url}/"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        print(checks.stdout)
        logs = "\n".join(path.read_text()[-2_000:] for path in sorted((tmp_path / "log").iterdir()))
        assert checks.returncode == 0, f"{checks.stdout}\n{demo.notes}\n{logs}"
