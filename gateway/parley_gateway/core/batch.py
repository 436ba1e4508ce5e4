"""A batch of operations that share one transaction."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from parley.errors import Refusal
from parley_gateway.core.change import Change
from parley_gateway.core.operation import Operation
from parley_gateway.core.page_state import NEEDS_WHOLE, Accepted, TenantWrites
from parley_gateway.core.rows import Loaded
from parley_gateway.core.site_state import SiteState


class Decided(msgspec.Struct):
    """Outcomes in the order of the batch; `changes` by (tenant, page), in seq order. `untold`: pages that changed by
    more than events can tell; whoever is there joins again."""

    outcomes: list[Accepted | Refusal]
    writes: list[TenantWrites]
    changes: dict[tuple[str, str], list[Change]]
    epoch: str
    untold: set[tuple[str, str]] = msgspec.field(default_factory=set)


def wanted(operations: Sequence[Operation]) -> list[dict[str, Any]]:
    """`page_load`'s input: what deciding these needs to know. Sorted, so that all lock in the same order.

    One that is refused is looked up, and no more; but its page is locked like the others', so that it waits for a
    transaction that may be doing it at this moment.
    """
    by_tenant: dict[str, list[Operation]] = {}
    for operation in operations:
        by_tenant.setdefault(operation.tenant, []).append(operation)
    return [
        {
            "tenant": tenant,
            "pages": _sorted({op.page for op in of_tenant}),
            "ids": sorted({identity for op in of_tenant for identity in _ids(op)}),
            **_needed([op for op in of_tenant if op.refusal is None]),
        }
        for tenant, of_tenant in sorted(by_tenant.items(), key=lambda item: item[0].encode())
    ]


def _needed(operations: list[Operation]) -> dict[str, Any]:
    return {
        "create": _sorted({op.page for op in operations if op.op in ("new-chat", "import")}),
        "authors": sorted({op.author.id for op in operations}, key=str.encode),
        "chats": sorted({op.chat for op in operations if op.chat}),
        "comments": sorted({op.comment for op in operations if op.comment}),
        "reacted": [
            {"comment": op.comment, "emoji": op.emoji, "reader": op.author.id} for op in operations if op.op == "react"
        ],
        **_whole(operations),
    }


def _ids(operation: Operation) -> list[str]:
    """Of the operations that decide about this one."""
    return [operation.id, *(operation.imported.ids if operation.imported else ())]


def _whole(operations: list[Operation]) -> dict[str, list[str]]:
    """Chats of which every comment is needed; seldom any, and then nothing is asked."""
    chats = {op.chat for op in operations if op.op in NEEDS_WHOLE}
    return {"whole": sorted(chats)} if chats else {}


def _sorted(pages: set[str]) -> list[str]:
    return sorted(pages, key=str.encode)


def decide(
    operations: Sequence[Operation],
    loaded: Loaded,
    now_ms: int,
    tenant_limits: Mapping[str, Mapping[str, int]],
) -> Decided:
    """Every operation's outcome, and what to write."""
    states = {part.tenant: SiteState(part, tenant_limits.get(part.tenant)) for part in loaded.tenants}
    outcomes: list[Accepted | Refusal] = []
    changes: dict[tuple[str, str], list[Change]] = {}
    for operation in operations:
        outcome = states[operation.tenant].apply(operation, now_ms)
        outcomes.append(outcome)
        if isinstance(outcome, Accepted) and outcome.change is not None:
            changes.setdefault((operation.tenant, operation.page), []).append(outcome.change)
    untold = {place for place, made in changes.items() if not all(change.entry for change in made)}
    changes = {place: made for place, made in changes.items() if place not in untold}
    writes = [found for state in states.values() if (found := state.writes()) is not None]
    return Decided(outcomes, writes, changes, loaded.epoch, untold)
