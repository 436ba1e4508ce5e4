"""Redis's users as docs/redis.md writes them: whoever lacks a permission there fails the tests of the shapes."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import redis

PAGE = Path(__file__).parents[2] / "docs" / "redis.md"
PASSWORD = "least-of-all"


def documented() -> dict[str, list[str]]:
    """Name of a user → the words that follow it in `ACL SETUSER`."""
    found = {}
    for line in PAGE.read_text().splitlines():
        if line.startswith("ACL SETUSER "):
            name, *words = line.removeprefix("ACL SETUSER ").split()
            found[name] = [word.replace("PASSWORD", PASSWORD) for word in words]
    assert set(found) == {"parley-gateway", "parley-billing", "parley-admin"}
    return found


class Users:
    """The documented users on every node of a shape. `nodes`: how to reach each as its superuser."""

    def __init__(self, url: str, nodes: Iterable[str]) -> None:
        self._url = url
        self._nodes = list(nodes)
        for node in self._nodes:
            with redis.Redis.from_url(node) as client:
                for name, words in documented().items():
                    client.execute_command("ACL", "SETUSER", name, *words)
                client.execute_command("ACL", "LOG", "RESET")

    def url(self, name: str) -> str:
        """The shape's URL for one of them."""
        return re.sub(r"//[^@/]*@", f"//parley-{name}:{PASSWORD}@", self._url)

    def check(self) -> None:
        """Nobody was refused anything, on any node that runs."""
        for node in self._nodes:
            with redis.Redis.from_url(node, decode_responses=True) as client:
                try:
                    log: Any = client.execute_command("ACL", "LOG")
                except redis.ConnectionError:
                    continue  # killed by the test
                assert log == [], node
