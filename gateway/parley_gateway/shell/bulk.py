"""Many operations in one request: each judged, waiting for its turn, and answered on its own."""

import asyncio
from typing import Any

import msgspec

from parley import limits
from parley.claims import Claims
from parley.client_frames import parse_do
from parley.errors import BadInput, Limited, Refusal
from parley_gateway.core.meter import Counter
from parley_gateway.core.operation import Operation, accept
from parley_gateway.core.page_state import Accepted
from parley_gateway.shell.admission import Admission
from parley_gateway.shell.site import WINDOW, Site

#: Seconds for which a request waits for its turns under `operationsPerTenant`. What has had none then is `over-limit`.
TURN_WAIT = 5.0
#: The share of what a tenant may do at once that bulk leaves to its readers.
LEFT_TO_READERS = 0.5


class _Body(msgspec.Struct):
    operations: list[msgspec.Raw]


_body: msgspec.json.Decoder[_Body] = msgspec.json.Decoder(_Body)


class Bulk:
    """One request's operations. `perform` fills in what becomes of each."""

    def __init__(self, items: list[msgspec.Raw], claims: Claims, site: str) -> None:
        """`site`: the verified Origin, or ""."""
        self._items = [bytes(item) for item in items]
        self._claims = claims
        self._outcomes: list[Operation | Accepted | Refusal] = [_operation(item, claims, site) for item in self._items]
        self._window: list[tuple[int, Operation]] = []

    async def perform(self, admission: Admission, site: Site, counter: Counter) -> list[dict[str, Any]]:
        """The result of each, in order."""
        until = asyncio.get_running_loop().time() + TURN_WAIT
        wait = 0
        for number, operation in enumerate(self._outcomes):
            if isinstance(operation, Operation):
                judged = admission.judged(operation, self._claims)
                # Once one is too late all that follow are: they may build on it.
                wait = wait or await self._turn(judged, admission, site, counter, until)
                if wait:
                    refusal = Limited("over-limit", "Your server writes too much at once.", retry_in_ms=wait)
                    self._outcomes[number] = refusal
                    continue
                self._window.append((number, judged))
                if len(self._window) == WINDOW:
                    await self._commit(site, counter)
        await self._commit(site, counter)
        return [_result(item, outcome) for item, outcome in zip(self._items, self._outcomes, strict=True)]

    async def _turn(
        self, operation: Operation, admission: Admission, site: Site, counter: Counter, until: float
    ) -> int:
        """Wait until it may be done; the ms that are left to wait when that is too long."""
        while wait := admission.take_turn(operation, self._claims, spare=LEFT_TO_READERS):
            if asyncio.get_running_loop().time() + wait / 1000 > until:
                return wait
            await self._commit(site, counter)
            await asyncio.sleep(wait / 1000)
        return 0

    async def _commit(self, site: Site, counter: Counter) -> None:
        window, self._window = self._window, []
        answers = await site.perform([operation for _, operation in window], counter)
        for (number, _), answer in zip(window, answers, strict=True):
            self._outcomes[number] = answer


def bulk_items(data: bytes) -> list[msgspec.Raw]:
    """The operations of a body. Raises `bad-frame` or `too-big`."""
    try:
        data.decode()
        items = _body.decode(data).operations
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise BadInput("bad-frame", "The body must be a JSON object with the list `operations`.") from None
    if len(items) > limits.BULK_OPERATIONS.default:
        raise BadInput("too-big", f"A request may have {limits.BULK_OPERATIONS.default} operations.")
    return items


def _operation(data: bytes, claims: Claims, site: str) -> Operation | Refusal:
    """One item, or why it is none."""
    try:
        if len(data) > limits.FRAME.default:
            raise BadInput("too-big", f"An operation is larger than {limits.FRAME.default} bytes.")
        page = _named(data).get("page")
        if not isinstance(page, str):
            raise BadInput("bad-field", "`page` is missing.")
        return accept(parse_do(data, page), claims, size=len(data), site=site)
    except Refusal as refusal:
        return refusal


def _named(data: bytes) -> dict[str, Any]:
    try:
        return msgspec.json.decode(data, type=dict[str, Any])
    except (msgspec.DecodeError, RecursionError):
        raise BadInput("bad-frame", "An operation must be a JSON object.") from None


def _result(item: bytes, outcome: Operation | Accepted | Refusal) -> dict[str, Any]:
    """What became of one item; `broadcastId` and `page` as far as they can be read."""
    try:
        said = _named(item)
    except BadInput:
        said = {}
    result = {name: said[name] for name in ("broadcastId", "page") if isinstance(said.get(name), str)}
    if isinstance(outcome, Accepted):
        return {**result, "seq": outcome.seq}
    assert isinstance(outcome, Refusal)
    refused = {"code": outcome.code, "message": outcome.message, "help": outcome.help}
    if outcome.retry_in_ms is not None:
        refused["retryInMs"] = outcome.retry_in_ms  # type: ignore[assignment]
    return {**result, "error": refused}
