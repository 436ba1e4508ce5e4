"""Rule 3. The operations of one connection for one page take effect in the order sent; none fails another."""

import asyncio

import pytest

from kit.wire_client import Refused, new_id
from kit.wire_samples import anchor
from kit.wire_world import Enter

ROUNDS = 15


async def test_pipelined_operations_take_effect_in_the_order_sent(enter: Enter, page: str) -> None:
    """Several connections on both gateways write to one page at once, each without waiting for answers."""
    writers = [await enter(f"writer-{number}", gateway=number % 2) for number in range(6)]
    watch = await enter("watch", gateway=1, joined=page)
    sent: list[list[str]] = [[] for _ in writers]

    async def write(number: int) -> None:
        client, ids = writers[number], sent[number]
        chat = await client.submit(page, "new-chat", anchor=anchor(), text=f"chat of {number}")
        ids.append(chat)
        for place in range(ROUNDS):
            reply = await client.submit(page, "reply", chat=chat, text=f"reply {place}")
            ids += [reply, await client.submit(page, "edit", chat=chat, comment=reply, text=f"edited {place}")]

    await asyncio.gather(*(write(number) for number in range(len(writers))))
    for client, ids in zip(writers, sent, strict=True):
        seqs = [(await client.outcome(identity))["seq"] for identity in ids]
        assert seqs == sorted(set(seqs)), "acks say the order in which they took effect"
    total = sum(map(len, sent))
    view = watch.pages[page]
    await watch.until(lambda: view.seq == total)
    for number, ids in enumerate(sent):
        texts = [comment["text"] for comment in view.chats[ids[0]]["comments"]]
        assert texts == [f"chat of {number}", *(f"edited {place}" for place in range(ROUNDS))]
    assert (await watch.join(page)).chats == view.chats


async def test_the_last_of_many_edits_wins(enter: Enter, page: str) -> None:
    ann, bo = await enter("ann"), await enter("bo", gateway=1, joined=page)
    chat = await ann.submit(page, "new-chat", anchor=anchor(), text="0")
    ids = [await ann.submit(page, "edit", chat=chat, comment=chat, text=str(number)) for number in range(1, 60)]
    assert (await ann.outcome(ids[-1]))["seq"] == 60
    await bo.until(lambda: bo.pages[page].seq == 60)
    assert bo.pages[page].chats[chat]["comments"] == [{"text": "59", "edited": True}]


async def test_one_bad_operation_never_fails_another(enter: Enter, page: str) -> None:
    ann, bo = await enter("ann", joined=page), await enter("bo", gateway=1)
    base = (await bo.do(page, "new-chat", anchor=anchor(), text="bo's"))["broadcastId"]
    good, bad = [], {}
    for number in range(8):
        chat = await ann.submit(page, "new-chat", anchor=anchor(), text=f"chat {number}")
        good.append(chat)
        bad[await ann.submit(page, "reply", chat=new_id(), text="to nothing")] = "unknown-chat"
        bad[await ann.submit(page, "edit", chat=base, comment=base, text="not mine")] = "forbidden"
        bad[await ann.submit(page, "reply", chat=chat, text=" ")] = "bad-field"
        bad[await ann.submit(page, "new-chat", id=base, anchor=anchor(), text="bo's")] = "id-reused"
        bad[await ann.submit(page, "remove-comment", chat=chat, comment=chat)] = "use-delete-chat"
        good.append(await ann.submit(page, "reply", chat=chat, text="reply"))
    for identity in good:
        await ann.outcome(identity)
    for identity, code in bad.items():
        for place in range(8 if identity == base else 1):
            with pytest.raises(Refused) as refused:
                await ann.outcome(identity, place)
            assert refused.value.code == code
    await ann.until(lambda: ann.pages[page].seq == 17)
    assert len(ann.pages[page].chats) == 9
    assert all(len(chat["comments"]) == 2 for identity, chat in ann.pages[page].chats.items() if identity != base)


async def test_a_page_that_nobody_wrote_to_and_many_pages_at_once(enter: Enter, page: str) -> None:
    """Batches across connections and pages: each page keeps its own order and its own numbers."""
    ann, bo = await enter("ann"), await enter("bo", gateway=1)
    pages = [f"{page}/{number}" for number in range(12)]
    ids = {name: [] for name in pages}  # type: dict[str, list[tuple[int, str]]]
    for client_number, client in enumerate((ann, bo)):
        for _ in range(3):
            for name in pages:
                ids[name].append((client_number, await client.submit(name, "new-chat", anchor=anchor(), text="x")))
    for name in pages:
        seqs = [(await (ann, bo)[number].outcome(identity))["seq"] for number, identity in ids[name]]
        assert sorted(seqs) == [1, 2, 3, 4, 5, 6], "dense"
        assert seqs[:3] == sorted(seqs[:3]) and seqs[3:] == sorted(seqs[3:])
