"""Real servers as child processes: the Valkey and Postgres of the demo and of the tests.

Everything here is synchronous: it starts, stops and signals processes and takes milliseconds to seconds.
No child outlives its parent, however that ends: see :mod:`parley_runtime.embedded.watch`.
"""

from parley_runtime.embedded.child import Child
from parley_runtime.embedded.directory import DataDirectory
from parley_runtime.embedded.ports import free_port, listening_socket
from parley_runtime.embedded.postgres import PostgresServer
from parley_runtime.embedded.problem import SetupProblem
from parley_runtime.embedded.server import ChildLife
from parley_runtime.embedded.valkey import ValkeyServer

__all__ = [
    "Child",
    "ChildLife",
    "DataDirectory",
    "PostgresServer",
    "SetupProblem",
    "ValkeyServer",
    "free_port",
    "listening_socket",
]
