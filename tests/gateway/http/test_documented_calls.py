"""The examples of docs/server-api.md and docs/python-client.md run as they stand."""

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import pytest

from kit.http_world import HttpWorld

pytestmark = pytest.mark.servers

DOCS = Path(__file__).parents[3] / "docs"


def blocks(name: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", (DOCS / name).read_text(), re.DOTALL | re.MULTILINE)


async def test_the_calls_with_curl(world: HttpWorld, tmp_path: Path) -> None:
    acme = await world.tenant()
    token = acme.token("server", role="moderator", scope="admin")
    first, *others = blocks("server-api.md", "sh")
    assert "export PARLEY=" in first and "export TOKEN=" in first and len(others) == 6
    answers: list[Any] = []
    for script in others:
        run = await asyncio.create_subprocess_exec(
            "bash", "-euc", script, cwd=tmp_path,
            env={"PARLEY": world.gateway.url, "TOKEN": token, "PATH": "/usr/bin:/bin"},
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        out, problem = await run.communicate()
        assert run.returncode == 0, (script, out, problem)
        decoder = json.JSONDecoder()
        text = out.decode()
        while text:
            value, end = decoder.raw_decode(text)
            answers.append(value)
            text = text[end:].lstrip()
    many, listed, moderated, banned, bans, imported, erased = answers
    assert [result["seq"] for result in many["results"]] == [1, 2]
    assert [chat["text"] for chat in listed["chats"]] == ["Is this so?"]
    assert [result["seq"] for result in moderated["results"]] == [3, 4]
    assert banned["reader"] == "u17" and [one["reader"] for one in bans["bans"]] == ["u17"]
    assert (imported["existed"], imported["complete"], erased) == (1, True, {"chats": 0})
    assert json.loads((tmp_path / "acme.jsonld").read_text())["type"] == "AnnotationPage"


async def test_the_python_example(world: HttpWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    acme = await world.tenant()
    monkeypatch.chdir(tmp_path)
    [example] = blocks("python-client.md", "python")
    names: dict[str, Any] = {"url": world.gateway.url, "get_token": lambda: acme.token("server", scope="admin")}
    await asyncio.to_thread(exec, compile(example, "docs/python-client.md", "exec"), names)
    assert names["event"].event == "new-text-chat" and len(names["outcomes"]) == 3
    assert (tmp_path / "export.jsonl").read_bytes().count(b'"kind":"comment"') == 4
