"""A tenant's server, as the tests of the server API play it: plain HTTP by our own hand."""

import base64
import json
from typing import Any

from kit.http_world import Answer, HttpWorld
from kit.tenants import KitTenant


def segment(text: str) -> str:
    """base64url without padding."""
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


class SiteServer:
    """Somebody with a token of the scope `admin`, unless `claims` say otherwise."""

    def __init__(self, world: HttpWorld, tenant: KitTenant, **claims: Any) -> None:
        self._world = world
        token = tenant.token("server", **{"scope": "admin", "role": "moderator", **claims})
        self._headers = {"Authorization": f"Bearer {token}"}

    async def ask(self, method: str, path: str, **more: Any) -> Answer:
        """`json` or `data` as aiohttp takes them."""
        headers = {**self._headers, **more.pop("headers", {})}
        url = self._world.gateway.url + path
        async with self._world.session.request(method, url, headers=headers, **more) as response:
            return Answer(response.status, response.headers.copy(), await response.read())

    async def told(self, method: str, path: str, **more: Any) -> Any:
        """The answer to what must be granted."""
        answer = await self.ask(method, path, **more)
        assert answer.status == 200, answer
        return answer.json

    async def many(self, *operations: dict[str, Any]) -> list[Any]:
        """The results of operations in bulk."""
        results = (await self.told("POST", "/v1/operations", json={"operations": operations}))["results"]
        assert len(results) == len(operations)
        return list(results)

    async def list(self, **query: Any) -> list[Any]:
        """All discussions that a query finds, page after page."""
        found: list[Any] = []
        asked = {name.rstrip("_"): str(value) for name, value in query.items()}
        while True:
            part = await self.told("GET", "/v1/chats", params=asked)
            found += part["chats"]
            if part["next"] is None:
                return found
            asked["cursor"] = part["next"]

    async def export(self, form: str = "jsonl") -> bytes:
        answer = await self.ask("GET", f"/v1/export?format={form}")
        assert answer.status == 200, answer
        return answer.body

    async def take(self, data: bytes, form: str = "jsonl") -> Any:
        kind = {"jsonl": "application/x-ndjson", "annotations": "application/ld+json"}[form]
        return await self.told("POST", "/v1/import", data=data, headers={"Content-Type": kind})


def lines(export: bytes) -> list[Any]:
    """Without the head, which says when and of whom."""
    return [json.loads(line) for line in export.splitlines()][1:]
