"""This machine: Python, ports, the spool, the widget."""

import importlib.util
import shutil
import socket
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from parley_runtime.cli.doctor.finding import Finding
from parley_runtime.settings import Settings

OLDEST_PYTHON = (3, 11)

# A day of sealed usage records of a busy gateway; below it an outage of billing may fill the disk. Bytes.
LEAST_SPOOL_BYTES = 256 * 1024 * 1024


def check_python() -> Finding:
    """The interpreter that runs this."""
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info[:2] < OLDEST_PYTHON:
        return Finding.problem("Python", f"This is Python {version}.", "Use Python 3.11 or newer.")
    return Finding.ok("Python", version)


def check_ports(settings: Settings) -> Iterator[Finding]:
    """Whether what is to listen can."""
    addresses = {"metrics_listen": settings.metrics_listen, "billing_listen": settings.billing_listen}
    if settings.listen_fd is None:
        addresses["listen"] = settings.listen
    for name, address in sorted(addresses.items()):
        variable = f"PARLEY_{name.upper()}"
        host, _, port = address.rpartition(":")
        if not host or not port.isdigit() or int(port) > 65535:
            yield Finding.problem("Ports", f"{variable} is no host:port.", "Write it like 0.0.0.0:8080.")
            continue
        try:
            with closing(socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind((host.strip("[]"), int(port)))
        except OSError as error:
            yield Finding.warning(
                "Ports",
                f"{address} cannot be opened now ({error.strerror}).",
                f"If that is not Parley itself already running, set {variable} to another one.",
            )
        else:
            yield Finding.ok("Ports", f"{address} is free")


def check_spool(settings: Settings) -> Finding:
    """Whether sealed usage records can be kept."""
    directory = settings.spool_directory.absolute()
    existing = directory
    while not existing.exists() and existing != existing.parent:
        existing = existing.parent
    try:
        with tempfile.NamedTemporaryFile(dir=existing, prefix=".doctor-") as file:
            file.write(b"x")
            file.flush()
        free = shutil.disk_usage(existing).free
    except OSError as error:
        return Finding.problem(
            "Spool",
            f"{directory} cannot be written ({error.strerror}): sealed usage could not be kept.",
            "Make it writable, or set PARLEY_SPOOL_DIRECTORY to a directory on a volume that survives restarts.",
        )
    if free < LEAST_SPOOL_BYTES:
        return Finding.warning(
            "Spool",
            f"{directory} has {free // 2**20} MiB left.",
            f"Keep at least {LEAST_SPOOL_BYTES // 2**20} MiB free for usage that billing has not confirmed yet.",
        )
    return Finding.ok("Spool", f"{directory} can be written")


def check_widget(static: Path | None = None) -> Finding:
    """Whether the script that pages embed was built."""
    script = (static or _gateway_static()) / "parley.js"
    if not script.is_file():
        return Finding.problem(
            "Widget", "parley.js has not been built.", "Run `make widget`, or install a released package."
        )
    return Finding.ok("Widget", f"parley.js, {script.stat().st_size:,} bytes")


def _gateway_static() -> Path:
    # Found by name: this package imports no room.
    spec = importlib.util.find_spec("parley_gateway")
    return Path(spec.origin or "").parent / "static" if spec else Path("static")
