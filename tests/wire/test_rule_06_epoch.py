"""Rule 6. A foreign epoch, or a seq ahead of the truth, is answered by a snapshot."""

import pytest

from kit.wire_page import Json
from kit.wire_samples import anchor
from kit.wire_world import Enter


async def test_the_epoch_is_the_same_on_all_pages_and_gateways(enter: Enter, page: str) -> None:
    ann, bo = await enter("ann"), await enter("bo", gateway=1)
    epochs = {(await client.join(name)).epoch for client in (ann, bo) for name in (page, page + "/other")}
    assert len(epochs) == 1
    [epoch] = epochs
    assert isinstance(epoch, str) and epoch


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"seq": 4}, id="one ahead"),
        pytest.param({"seq": 2**53 - 1}, id="far ahead"),
        pytest.param({"seq": 10**30}, id="beyond 64 bits"),
        pytest.param({"epoch": "another"}, id="foreign epoch"),
        pytest.param({"epoch": "another", "seq": 0}, id="foreign epoch at nought"),
        pytest.param({"epoch": ""}, id="empty epoch"),
    ],
)
async def test_a_cursor_that_is_not_of_this_history_gets_a_snapshot(enter: Enter, page: str, change: Json) -> None:
    ann = await enter("ann")
    ids = [(await ann.do(page, "new-chat", anchor=anchor(), text=str(number)))["broadcastId"] for number in range(2)]
    await ann.do(page, "resolve", chat=ids[0])
    truth = await ann.join(page)
    bo = await enter("bo", gateway=1)
    view = await bo.join(page, {"epoch": truth.epoch, "seq": 3, **change})
    [answer] = view.answers[0]
    assert (answer["kind"], answer["seq"], answer["epoch"], answer["gone"]) == ("snapshot", 3, truth.epoch, [])
    assert view.chats == truth.chats
    await ann.do(page, "reopen", chat=ids[0])
    await bo.reach(page, 4)


async def test_a_cursor_of_this_history_gets_changes(enter: Enter, page: str) -> None:
    ann = await enter("ann")
    await ann.do(page, "new-chat", anchor=anchor(), text="x")
    view = await ann.join(page)
    for seq in (0, 1):
        await ann.join(page, {"epoch": view.epoch, "seq": seq})
        [answer] = view.answers[-1]
        assert (answer["kind"], answer["seq"], len(answer["chats"])) == ("changes", 1, 1 - seq)


async def test_a_cursor_on_a_page_that_nobody_wrote_to(enter: Enter, page: str) -> None:
    ann = await enter("ann")
    view = await ann.join(page)
    assert view.answers[-1][0]["kind"] == "snapshot"
    await ann.join(page, view.cursor)
    assert (view.answers[-1][0]["kind"], view.seq) == ("changes", 0)
    await ann.join(page, {"epoch": view.epoch, "seq": 1})
    assert (view.answers[-1][0]["kind"], view.seq) == ("snapshot", 0)
