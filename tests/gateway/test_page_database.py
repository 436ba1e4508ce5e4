"""The database in memory, on which convergence is proven, answers as the real one does."""

from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kit.operations import PAGE, claims, operation
from kit.page_database import PageDatabase
from kit.servers import run_apart
from parley_gateway.core.batch import decide, wanted
from parley_gateway.core.operation import Operation
from parley_gateway.shell.page_store import PageStore
from parley_runtime.database import connect

pytestmark = pytest.mark.servers

PAGES = (PAGE, "another page")
OPS = ("new-chat", "reply", "edit", "remove-comment", "resolve", "reopen", "relink", "react", "delete-chat")
step = st.tuples(
    st.sampled_from(OPS),
    st.integers(0, 1),
    st.integers(1, 30),
    st.integers(1, 30),
    st.sampled_from("🎉👍"),
    st.booleans(),
)
batches = st.lists(st.lists(step, min_size=1, max_size=6), min_size=1, max_size=8)


def plain(value: Any) -> Any:
    """Without the order of what has none."""
    found = msgspec.to_builtins(value)
    if isinstance(found, dict):
        for name in ("chats", "pages", "operations", "comments", "reacted"):
            if isinstance(found.get(name), list):
                found[name] = sorted(found[name], key=repr)
        found["tenants"] = [plain(tenant) for tenant in found.get("tenants", [])]
    return found


def operations_of(batch: list[Any], number: int, tenant: str) -> list[Operation]:
    made = []
    for place, (op, page, chat, comment, emoji, on) in enumerate(batch):
        members: dict[str, Any] = {}
        if op != "new-chat":
            members["chat"] = chat
        if op in ("edit", "remove-comment", "react"):
            members["comment"] = comment if comment % 3 else chat
        if op == "react":
            members |= {"emoji": emoji, "on": on}
        by = claims(("ann", "bob")[on], "moderator", tenant)
        made.append(operation(number + place, op, by, PAGES[page], **members))
    return made


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(batches)
def test_the_model_answers_as_postgres_does(database_url: str, script: list[list[Any]]) -> None:
    run_apart(lambda: compare(database_url, script))


async def compare(url: str, script: list[list[Any]]) -> None:
    pool = await connect(url, "parley_gateway", size=1)
    try:
        # Each example has a tenant of its own, and the epoch is what it is.
        tenant = f"t{await pool.fetchval('SELECT txid_current()')}"
        store = PageStore(pool)
        epoch, _ = await store.heads([(tenant, PAGE)])
        model = PageDatabase(epoch)
        number = 1
        for batch in script:
            operations = operations_of(batch, number, tenant)
            number += len(batch)
            seen: list[Any] = []

            def decided(loaded: Any, operations: list[Operation] = operations, seen: list[Any] = seen) -> Any:
                seen.append(plain(loaded))
                return decide(operations, loaded, 1_000, {})

            real = await store.commit(wanted(operations), decided)
            assert seen == [plain(model.load(wanted(operations)))]
            ours = model.commit(operations, 1_000)
            assert [repr(one) for one in real.outcomes] == [repr(one) for one in ours.outcomes]
            for page in PAGES:
                head = model.head(tenant, page)
                assert await store.heads([(tenant, page)]) == model.heads([(tenant, page)])
                cursors: list[tuple[str | None, int | None]] = [(None, None), ("foreign", 0), (epoch, head + 1)]
                for since in range(head + 1):
                    cursors.append((epoch, since))
                    real_events, our_events = (
                        await store.events(tenant, page, since, 500),
                        model.events(tenant, page, since, 500),
                    )
                    assert real_events.operations == our_events.operations
                    assert plain(real_events) == plain(our_events)
                for cursor in cursors:
                    assert await store.changes(tenant, page, *cursor) == model.changes(tenant, page, *cursor)
                assert plain(await store.events(tenant, page, 0, 1)) == plain(model.events(tenant, page, 0, 1))
    finally:
        await pool.close()
