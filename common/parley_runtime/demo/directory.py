"""Where the demo keeps its data."""

import os
from pathlib import Path


def default_directory() -> Path:
    """``.parley`` in the checkout we run from; installed, ``parley`` in the user's data directory (XDG)."""
    checkout = Path(__file__).resolve().parents[3]
    if (checkout / "pyproject.toml").is_file() and (checkout / "Makefile").is_file():
        return checkout / ".parley"
    data_home = os.environ.get("XDG_DATA_HOME")
    return (Path(data_home) if data_home else Path.home() / ".local" / "share") / "parley"
