"""The real promtool: the one on the PATH, or the one of Debian's package `prometheus`, fetched once and kept."""

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

#: The oldest whose words these tests compare. Debian 12 and Ubuntu 24.04 have it or a newer one.
OLDEST = (2, 42)
#: Outside of the checkout, so that it is fetched once a machine.
CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "parley"


def promtool() -> Path:
    """Fails, and never skips, when there is none and none can be had: it is named what to do."""
    kept = CACHE / "promtool"
    on_path = shutil.which("promtool")
    found = Path(on_path) if on_path else kept
    if not found.exists():
        _fetch(kept)
    said = subprocess.run([found, "--version"], capture_output=True, text=True, check=True)
    version = re.search(r"version (\d+)\.(\d+)", said.stdout + said.stderr)
    assert version is not None and tuple(map(int, version.groups())) >= OLDEST, f"{found} is too old: {said.stdout}"
    return found


def _fetch(kept: Path) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        for command in (["apt-get", "download", "prometheus"], ["sh", "-c", "dpkg -x prometheus_*.deb ."]):
            done = subprocess.run(command, cwd=scratch, capture_output=True, text=True, check=False)
            assert done.returncode == 0, (
                "There is no promtool here, and Debian's package cannot be fetched: install Prometheus >= 2.42 so that "
                f"`promtool` is on the PATH.\n{done.stderr}"
            )
        kept.parent.mkdir(parents=True, exist_ok=True)
        # Two runs at once put the same file there; a name of its own first, so that nobody sees half of it.
        part = kept.with_name(f"promtool.{os.getpid()}")
        shutil.copy2(Path(scratch) / "usr/bin/promtool", part)
        part.replace(kept)
