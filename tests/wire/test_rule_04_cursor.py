"""Rule 4. Only `page` and `live` move the cursor; after `page` with seq S the next `live` has `after` = S.

The client checks the rule at every frame (`kit.wire_page`); here it meets the situations in which it could break.
"""

import asyncio
import random
from itertools import pairwise

from kit.wire_client import WireClient, dumps, new_id
from kit.wire_samples import anchor
from kit.wire_world import Enter

WRITERS = 50
OPERATIONS = 60
MOVERS = 6


async def test_live_continues_the_page(enter: Enter, page: str) -> None:
    ann, bo = await enter("ann"), await enter("bo", gateway=1, joined=page)
    for number in range(3):
        await ann.do(page, "new-chat", anchor=anchor(), text=str(number))
    late = await enter("late", joined=page)
    assert (late.pages[page].seq, late.pages[page].answers[0][0]["kind"]) == (3, "snapshot")
    await ann.do(page, "new-chat", anchor=anchor(), text="3")
    for client in (bo, late):
        await client.reach(page, 4)
    assert late.pages[page].lives[0]["after"] == 3
    ranges = [(frame["after"], frame["seq"]) for frame in bo.pages[page].lives]
    assert ranges[0][0] == 0 and ranges[-1][1] == 4
    assert all(before[1] == after[0] for before, after in pairwise(ranges))


async def test_an_ack_does_not_move_the_cursor(enter: Enter, page: str) -> None:
    """Who writes without having joined is acked, and told nothing else."""
    ann = await enter("ann")
    ack = await ann.do(page, "new-chat", anchor=anchor(), text="x")
    assert set(ack) == {"t", "broadcastId", "page", "seq"}
    await ann.ping()
    assert not ann.of("live")
    view = await ann.join(page)
    assert (view.seq, len(view.chats)) == (1, 1)


async def test_joining_again_with_an_old_since_brings_what_was_missed(enter: Enter, page: str) -> None:
    ann, bo = await enter("ann"), await enter("bo", gateway=1)
    first = await ann.do(page, "new-chat", anchor=anchor(), text="stays")
    doomed = (await ann.do(page, "new-chat", anchor=anchor(), text="goes"))["broadcastId"]
    view = await bo.join(page)
    old = view.cursor
    await bo.leave(page)
    await ann.do(page, "delete-chat", chat=doomed)
    added = (await ann.do(page, "new-chat", anchor=anchor(), text="new"))["broadcastId"]
    await bo.join(page, old)
    [answer] = view.answers[-1]
    assert answer["kind"] == "changes" and answer["seq"] == 4
    assert [chat["id"] for chat in answer["chats"]] == [added] and answer["gone"] == [doomed]
    assert list(view.chats) == [first["broadcastId"], added]
    # Nothing was missed since: an empty answer, not a snapshot.
    await bo.join(page, again=True)
    [answer] = view.answers[-1]
    assert (answer["kind"], answer["chats"], answer["gone"], answer["seq"]) == ("changes", [], [], 4)


async def test_a_join_over_a_join_is_answered_and_the_later_answer_wins(enter: Enter, page: str) -> None:
    ann, bo = await enter("ann"), await enter("bo", gateway=1)
    await ann.do(page, "new-chat", anchor=anchor(), text="x")
    view = await bo.join(page)
    for _ in range(5):
        await bo.ask_join(page)
    await bo.until(lambda: len(view.answers) == 6)
    await ann.do(page, "new-chat", anchor=anchor(), text="y")
    await bo.until(lambda: view.seq == 2)


async def test_fifty_writers_while_clients_join_leave_and_join_again(enter: Enter, page: str) -> None:
    """Every mover checks each frame against rule 4 and, at the end, shows what a fresh client is told."""
    writers = [await enter(f"writer-{number}", gateway=number % 2) for number in range(WRITERS)]
    movers = [await enter(f"mover-{number}", gateway=number % 2) for number in range(MOVERS)]
    steady = [await enter(f"steady-{number}", gateway=number, joined=page) for number in range(2)]
    writing = True
    seqs: list[int] = []

    async def write(client: WireClient, rng: random.Random) -> None:
        chats: list[str] = []
        for number in range(OPERATIONS):
            if not chats or number % 6 == 0:
                chats.append((await client.do(page, "new-chat", anchor=anchor(), text=f"{number}"))["broadcastId"])
                continue
            chat = rng.choice(chats)
            match rng.randrange(6):
                case 0 | 1:
                    ack = await client.do(page, "reply", chat=chat, text=f"reply {number}")
                case 2:
                    ack = await client.do(page, "edit", chat=chat, comment=chat, text=f"edit {number}")
                case 3:
                    ack = await client.do(page, rng.choice(["resolve", "reopen"]), chat=chat)
                case 4:
                    ack = await client.do(page, "react", chat=chat, comment=chat, emoji=rng.choice("👍👎"), on=True)
                case _:
                    ack = await client.do(page, "delete-chat", chat=chat)
                    chats.remove(chat)
            seqs.append(ack["seq"])

    async def moved(client: WireClient, seq: int) -> None:
        await client.until(lambda: client.pages[page].seq > seq or not writing)

    async def move(client: WireClient, rng: random.Random) -> int:
        rounds = 0
        while writing:
            seq = (await client.join(page, again=rng.random() < 0.6)).seq
            if rng.random() < 0.5:
                await moved(client, seq)
            if rng.random() < 0.7:
                await client.leave(page)
            rounds += 1
        await client.join(page, again=True)
        return rounds

    moving = [asyncio.create_task(move(client, random.Random(place))) for place, client in enumerate(movers)]
    await asyncio.gather(*(write(client, random.Random(place)) for place, client in enumerate(writers)))
    writing = False
    # A last change wakes those who wait for one.
    last = await writers[0].do(page, "new-chat", anchor=anchor(), text="the end")
    rounds = await asyncio.gather(*moving)
    assert sum(rounds) > 4 * MOVERS, "clients joined while others wrote"
    fresh = await enter("fresh", joined=page)
    assert fresh.pages[page].seq == last["seq"] >= max(seqs)
    for client in (*movers, *steady):
        view = await client.reach(page, last["seq"])
        assert not client.of("resync"), "nobody was too slow, nothing was lost"
        assert view.chats == fresh.pages[page].chats
    assert any(len(frame["events"]) > 1 for client in steady for frame in client.pages[page].lives), (
        "a busy page merges"
    )


async def test_the_echo_and_the_ack_may_come_in_any_order_and_both_come(enter: Enter, page: str) -> None:
    ann = await enter("ann", joined=page)
    ids = [new_id() for _ in range(30)]
    for identity in ids:
        payload = {"t": "do", "page": page, "broadcastId": identity, "op": "new-chat", "anchor": anchor(), "text": "x"}
        await ann.send_text(dumps(payload))
    await ann.until(lambda: len(ann.of("ack")) == 30 and ann.pages[page].seq == 30)
    assert [frame["broadcastId"] for frame in ann.of("ack")] == ids
    assert [frame["seq"] for frame in ann.of("ack")] == list(range(1, 31))
    assert [event["broadcastId"] for event in ann.pages[page].events] == ids
