"""Ports on the loopback interface."""

import errno
import socket

from parley_runtime.embedded.problem import SetupProblem

LOOPBACK = "127.0.0.1"

# Connections that may wait to be accepted while the gateway restarts; the kernel caps it at somaxconn.
BACKLOG = 4096


def free_port() -> int:
    """A port nobody listens on now. Another program can take it at once: who starts a server tries again."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port


def listening_socket(port: int, host: str = LOOPBACK) -> socket.socket | None:
    """A socket that listens on `port` (0: any free one), or None when another program has that port.

    Raises SetupProblem when the port cannot be had for another reason (below 1024 without the right to it).
    """
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    # Connections of the last run that still close must not keep us from the port; a listener still does.
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            return None
        raise SetupProblem(
            f"Port {port} on {host} cannot be opened: {error.strerror}.",
            "Choose another one with PORT=8081.",
        ) from error
    except OverflowError as error:
        listener.close()
        raise SetupProblem(f"There is no port {port}.", "Choose one from 1 to 65535.") from error
    return listener
