"""What an administrator's change of the registry leaves behind: a line in the log, and a key in a file of theirs."""

import getpass
import os
import socket
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import structlog

from parley.tenants import Algorithm, Key
from parley_runtime.signing import generate_key


def log_line(action: str, tenant: str, detail: Mapping[str, Any]) -> None:
    """One JSON line on stderr: who changed what of which tenant, when. Key material must not be in the detail."""
    processors: list[Any] = [
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
        structlog.processors.JSONRenderer(),
    ]
    # A logger of its own: it writes whatever the level of the process is, and where stderr is now.
    logger = structlog.wrap_logger(structlog.WriteLogger(sys.stderr), processors=processors)
    logger.msg("audit", action=action, tenant=tenant, by=who(), detail=dict(detail))


def who() -> str:
    """The login name of whoever runs this, and the machine."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):  # a container's user has no name
        name = str(os.getuid())
    return f"{name}@{socket.gethostname()}"


def key_into_file(algorithm: Algorithm, kid: str, path: Path) -> Key:
    """A new key: what signs goes into a new file that only we can read, the rest is returned.

    Raises `FileExistsError`, or another `OSError`: then there is no key.
    """
    key, private = generate_key(algorithm, kid)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(private.rstrip("\n") + "\n")
    return key
