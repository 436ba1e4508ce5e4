"""Rule 5. Answers to a join: whole chats, deleted ids, in parts when they are big, paced, and resumable at any part."""

import asyncio

from kit.wire_client import WireClient, new_id
from kit.wire_page import Json, PageView
from kit.wire_samples import anchor
from kit.wire_world import Enter

#: Bytes of a text; a page of some dozens of these takes several frames.
LONG = 7_000


async def fill(client: WireClient, page: str, chats: int, size: int = LONG) -> list[str]:
    """Chats with long texts, written in one go."""
    ids = [
        await client.submit(page, "new-chat", anchor=anchor(), text=f"{number} ".ljust(size, "x"))
        for number in range(chats)
    ]
    for identity in ids:
        await client.outcome(identity)
    return ids


async def grow(client: WireClient, page: str, chat: str, replies: int, size: int = LONG) -> None:
    """Many long replies to one chat."""
    ids = [
        await client.submit(page, "reply", chat=chat, text=f"{number} ".ljust(size, "r")) for number in range(replies)
    ]
    for identity in ids:
        await client.outcome(identity)


def seqs(parts: list[Json]) -> list[int]:
    return [part["seq"] for part in parts]


async def test_an_empty_page_is_one_empty_snapshot(enter: Enter, page: str) -> None:
    ann = await enter("ann")
    view = await ann.join(page)
    [[answer]] = view.answers
    assert {name: answer[name] for name in ("seq", "kind", "chats", "gone", "readers")} == {
        "seq": 0,
        "kind": "snapshot",
        "chats": [],
        "gone": [],
        "readers": 1,
    }
    assert "more" not in answer and answer["epoch"]


async def test_a_big_answer_comes_in_parts(enter: Enter, page: str) -> None:
    ann = await enter("ann")
    ids = await fill(ann, page, 40)
    bo = await enter("bo", gateway=1)
    view = await bo.join(page)
    [parts] = view.answers
    assert len(parts) >= 5
    assert [part.get("more", False) for part in parts] == [True] * (len(parts) - 1) + [False]
    assert seqs(parts) == sorted(set(seqs(parts))), "each part covers more than the one before"
    assert list(view.chats) == ids, "in order of seq"
    for part in parts:
        assert bo.size_of(part) <= 65_536 + 4
        assert [chat["seq"] for chat in part["chats"]][-1] == part["seq"]
    # Changes come in parts too.
    again = await enter("bo")
    later = await again.join(page, {"epoch": view.epoch, "seq": 10})
    assert len(later.answers[0]) >= 4 and later.answers[0][0]["kind"] == "changes"
    assert list(later.chats) == ids[10:]


async def test_a_cut_after_any_part_continues_with_that_parts_seq(enter: Enter, page: str) -> None:
    ann = await enter("ann", joined=page)
    ids = await fill(ann, page, 30)
    await grow(ann, page, ids[5], 20)  # this chat continues over parts, and comes last
    await ann.do(page, "delete-chat", chat=ids[7])
    await ann.reach(page, 51)
    whole = (await ann.join(page)).answers[-1]
    assert len(whole) >= 5
    for cut in range(1, len(whole)):
        client = await enter("bo", gateway=cut % 2)
        view = PageView(page)
        view.asked.append(None)
        for part in whole[:cut]:
            view.take_page(part)
        # What a client keeps that was cut here: its chats, and the last part's seq.
        client.pages[page] = view
        view.asked.clear()
        view.parts = []
        await client.join(page, again=True)
        assert view.chats == ann.pages[page].chats, f"cut after part {cut}"
        assert next(entry["seq"] for entry in view.answers[-1][0]["chats"]) > whole[cut - 1]["seq"]
        await client.close()


async def test_gone_ids_are_those_deleted_since(enter: Enter, page: str) -> None:
    ann = await enter("ann", joined=page)
    ids = await fill(ann, page, 8, size=10)
    before = (await ann.reach(page, 8)).cursor
    for identity in ids[:3]:
        await ann.do(page, "delete-chat", chat=identity)
    middle = (await ann.reach(page, 11)).cursor
    await ann.do(page, "delete-chat", chat=ids[3])
    bo = await enter("bo", gateway=1)
    await bo.join(page, before)
    assert sorted(bo.pages[page].answers[-1][0]["gone"]) == sorted(ids[:4])
    await bo.join(page, middle)
    assert bo.pages[page].answers[-1][0]["gone"] == [ids[3]]
    await bo.join(page)
    assert bo.pages[page].answers[-1][0]["gone"] == [], "a snapshot has nothing to take back"
    assert list(bo.pages[page].chats) == ids[4:]


async def test_very_many_gone_ids_come_in_parts_too(enter: Enter, page: str) -> None:
    """1,716 ids are more than 64 KiB. Each writer stays within what it may do at once."""
    writers = [await enter(f"ann-{number}", gateway=number % 2) for number in range(44)]
    start = (await writers[0].join(page)).cursor

    async def make_and_delete(client: WireClient) -> None:
        for identity in await fill(client, page, 39, size=2):
            await client.do(page, "delete-chat", chat=identity)

    await asyncio.gather(*(make_and_delete(client) for client in writers))
    bo = await enter("bo")
    await bo.join(page, start)
    parts = bo.pages[page].answers[-1]
    assert len({gone for part in parts for gone in part["gone"]}) == 44 * 39
    assert len(parts) >= 2 and bo.pages[page].seq == 2 * 44 * 39 and not bo.pages[page].chats


async def test_a_chat_over_32_kib_continues_in_entries_that_append(enter: Enter, page: str) -> None:
    ann = await enter("ann", joined=page)
    small = (await ann.do(page, "new-chat", anchor=anchor(), text="small"))["broadcastId"]
    big = (await ann.do(page, "new-chat", anchor=anchor(), text="big"))["broadcastId"]
    await grow(ann, page, big, 45)
    after = (await ann.do(page, "new-chat", anchor=anchor(), text="after"))["broadcastId"]
    bo = await enter("bo", gateway=1)
    view = await bo.join(page)
    [parts] = view.answers
    entries = [entry for part in parts for entry in part["chats"] if entry["id"] == big]
    assert len(entries) >= 7
    assert "cont" not in entries[0] and "anchor" in entries[0] and entries[0]["state"] == "open"
    for entry in entries[1:]:
        assert set(entry) == {"id", "seq", "comments", "cont"} and entry["cont"] is True
    assert list(view.chats) == [small, big, after]
    assert [comment["text"].split()[0] for comment in view.chats[big]["comments"][1:]] == [str(n) for n in range(45)]
    # A part that ends within the chat does not cover it.
    inside = [part for part in parts[:-1] if part["chats"][-1]["id"] == big]
    assert inside and all(part["seq"] == 1 for part in inside)
    await ann.reach(page, 48)
    assert view.chats == ann.pages[page].chats


async def test_cyrillic_and_emoji_count_in_bytes(enter: Enter, page: str) -> None:
    """The frame limit is one of bytes: texts of two and four bytes a character must not slip over it."""
    ann = await enter("ann")
    ids = [await ann.submit(page, "new-chat", anchor=anchor(), text="Ж" * 8_000) for _ in range(10)]
    ids += [await ann.submit(page, "new-chat", anchor=anchor(), text="😀" * 4_000) for _ in range(10)]
    ids += [await ann.submit(page, "new-chat", anchor=anchor(), text='"\\\n' * 5_000) for _ in range(10)]
    for identity in ids:
        await ann.outcome(identity)
    bo = await enter("bo", gateway=1)
    assert list((await bo.join(page)).chats) == ids


async def test_joining_a_big_page_while_others_write_misses_nothing(enter: Enter, page: str) -> None:
    """No `live` before the last part, and then from its seq on: the client checks both at each frame."""
    ann = await enter("ann", joined=page)
    ids = await fill(ann, page, 60)
    await grow(ann, page, ids[0], 15)
    joining = True
    written = 75

    async def write(reader: str, gateway: int) -> int:
        client = await enter(reader, gateway=gateway)
        done = 0
        while joining and done < 75:
            await client.do(page, "edit" if done % 2 else "reply", **members(done))
            done += 1
        return done

    def members(number: int) -> Json:
        if number % 2:
            return {"chat": own_chat, "comment": own_chat, "text": f"{number}".ljust(900)}
        return {"chat": ids[number % 60], "text": f"{number}"}

    own_chat = (await ann.do(page, "new-chat", anchor=anchor(), text="edited"))["broadcastId"]
    written += 1
    # Only their author may edit: both writers are ann.
    writing = [asyncio.create_task(write("ann", number)) for number in (0, 1)]
    joiners = [await enter(f"late-{number}", gateway=number % 2) for number in range(4)]
    for _ in range(3):
        await asyncio.gather(*(client.join(page) for client in joiners))
    joining = False
    written += sum(await asyncio.gather(*writing))
    for client in joiners:
        assert client.pages[page].whole
    last = (await ann.do(page, "new-chat", anchor=anchor(), text="last"))["seq"]
    for client in (ann, *joiners):
        view = await client.reach(page, last)
        assert view.chats == (await client.join(page)).chats
        assert not client.of("resync")


async def test_a_big_answer_is_outside_the_slow_client_limit(enter: Enter, page: str) -> None:
    """Megabytes for a client that reads nothing for a while: it waits for the socket, and nobody is called slow."""
    ann = await enter("ann", joined=page)
    for number in range(4):
        writer = await enter("ann", gateway=number % 2)
        await fill(writer, page, 75, size=16_000)
    bo = await enter("bo", gateway=1)
    bo.socket.transport.pause_reading()
    view = await bo.ask_join(page)
    # Others go on meanwhile.
    for number in range(5):
        await ann.do(page, "reply", chat=next(iter(ann.pages[page].chats)), text=str(number))
    await ann.reach(page, 305)
    bo.socket.transport.resume_reading()
    await bo.until(lambda: view.answers)
    await bo.reach(page, 305)
    assert not bo.of("resync") and len(view.chats) == 300
    assert sum(bo.size_of(part) for part in view.answers[0]) > 4_500_000


async def test_a_reaction_by_many_lists_fifty(enter: Enter, page: str) -> None:
    """`reactions`: reader ids, at most 50 for each emoji; live and in answers alike."""
    readers = [await enter(f"reader-{number:02}", gateway=number % 2) for number in range(53)]
    chat = new_id()
    watch = await enter("watch", joined=page)
    await watch.do(page, "new-chat", id=chat, anchor=anchor(), text="popular")
    for reader in readers:
        await reader.do(page, "react", chat=chat, comment=chat, emoji="❤️", on=True)
    live = await watch.reach(page, 54)
    shown = live.chats[chat]["comments"][0]["reactions"]
    assert shown == {"❤️": [f"reader-{number:02}" for number in range(50)]}
    answer = await readers[0].join(page)
    assert answer.chats[chat]["comments"][0]["reactions"] == shown


async def test_each_join_is_answered_in_order(enter: Enter, page: str) -> None:
    """Sent without waiting: every one has an answer of its own, and the page is live after the last."""
    ann = await enter("ann")
    await ann.do(page, "new-chat", anchor=anchor(), text="Why?")
    for _ in range(5):
        view = await ann.ask_join(page)
    await ann.until(lambda: len(view.answers) == 5)
    await ann.do(page, "new-chat", anchor=anchor(), text="Why not?")
    await ann.reach(page, 2)


async def test_a_leave_ends_every_answer_that_is_under_way(enter: Enter, page: str) -> None:
    ann, bo = await enter("ann", joined=page), await enter("bo", gateway=1)
    for _ in range(5):
        await bo.ask_join(page)
    await bo.leave(page)
    await ann.do(page, "new-chat", anchor=anchor(), text="Why?")
    await ann.reach(page, 1)
    await bo.ping()
    assert not bo.of("live", page=page)
