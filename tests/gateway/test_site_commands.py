"""`parley export`, `import` and `erase-reader` on real servers."""

import asyncio
import json
from typing import Any

import pytest
from click.testing import CliRunner, Result

from kit.operations import claims, operation
from kit.servers import run_apart
from kit.tenants import add_tenant
from parley_gateway.core.batch import decide, wanted
from parley_gateway.shell.page_store import PageStore
from parley_gateway.site_commands import erase_reader, export, import_
from parley_runtime.database import connect

pytestmark = pytest.mark.servers


async def run(command: Any, *arguments: str, data: bytes = b"") -> Result:
    """In a thread: the commands run loops of their own."""
    return await asyncio.to_thread(CliRunner().invoke, command, list(arguments), input=data)


async def test_out_in_and_away(redis_url: str, database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARLEY_REDIS_URL", redis_url)
    monkeypatch.setenv("PARLEY_DATABASE_URL", database_url)
    for name in ("acme", "globex"):
        add_tenant(redis_url, name)

    async def write() -> None:
        pool = await connect(database_url, "parley_gateway", size=1)
        made = [
            operation(1, "new-chat", claims("ann"), text="by ann"),
            operation(2, "reply", claims("bo"), chat=1, text="by bo"),
        ]
        await PageStore(pool).commit(wanted(made), lambda loaded: decide(made, loaded, 1, {}))
        await pool.close()

    await asyncio.to_thread(run_apart, write)
    for form in ("jsonl", "annotations"):
        taken = await run(export, "acme", "--format", form)
        assert taken.exit_code == 0, taken.output
        told = await run(import_, "globex", "--format", form, data=taken.stdout_bytes)
        assert told.exit_code == 0, told.output
        assert json.loads(told.stdout)["imported" if form == "jsonl" else "existed"] == 1
    erased = await run(erase_reader, "globex", "ann")
    assert (erased.exit_code, erased.stdout) == (0, "Erased ann: something was in 1 discussions.\n")
    left = (await run(export, "globex")).stdout
    assert "by bo" in left and "ann" not in left and "Ann" not in left
    assert "by ann" in (await run(export, "acme")).stdout
    broken = await run(import_, "globex", data=b'{"kind":"zzz"}')
    assert broken.exit_code == 1 and json.loads(broken.stdout)["problems"][0]["line"] == 1


async def test_what_is_wrong_is_said_in_a_sentence(
    redis_url: str, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PARLEY_REDIS_URL", redis_url)
    monkeypatch.setenv("PARLEY_DATABASE_URL", database_url)
    unknown = await run(export, "acme")
    assert unknown.exit_code == 1 and "There is no tenant acme." in unknown.output
    add_tenant(redis_url, "acme")
    monkeypatch.setenv("PARLEY_DATABASE_URL", "postgresql://nobody:secret@127.0.0.1:1/none")
    away = await run(erase_reader, "acme", "ann")
    assert away.exit_code == 1 and "parley doctor" in away.output and "secret" not in away.output
