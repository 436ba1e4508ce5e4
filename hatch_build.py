"""Builds the one part in C when there is a compiler; without it Parley does the same in Python."""

import os
import shlex
import shutil
import subprocess
import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SOURCE = Path("gateway", "parley_gateway", "shell", "send_to_all.c")
LIBRARY = SOURCE.with_name("libsend_to_all.so")


def build(root: Path) -> bool:
    """Compile into the source tree. Whether that worked; what went wrong is printed."""
    (root / LIBRARY).unlink(missing_ok=True)  # it may be another machine's; a running gateway keeps it
    named = os.environ.get("CC")
    compiler = (
        shlex.split(named) if named else [found for name in ("cc", "gcc", "clang") if (found := shutil.which(name))][:1]
    )
    if not compiler:
        return False
    made = root / LIBRARY.with_suffix(".new")
    command = [*compiler, "-O2", "-Wall", "-shared", "-fPIC", "-o", str(made), str(root / SOURCE)]
    try:
        subprocess.run(command, check=True)
    except (OSError, subprocess.CalledProcessError) as problem:
        made.unlink(missing_ok=True)
        print(f"Parley goes on without its part in C: {problem}")
        return False
    made.replace(root / LIBRARY)
    return True


class BuildHook(BuildHookInterface[Any]):
    """For wheels and for `pip install --editable`."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if self.target_name != "wheel" or not build(Path(self.root)):
            return
        if version != "editable":
            # It speaks to no Python API, so any Python 3 will do, but only this kind of machine.
            build_data["pure_python"] = False
            build_data["tag"] = f"py3-none-{sysconfig.get_platform().replace('-', '_').replace('.', '_')}"
