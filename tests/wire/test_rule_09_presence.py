"""Rule 9. Presence: distinct readers over all tabs and gateways, at most one frame a second for a page."""

import asyncio
import time
from functools import partial
from itertools import pairwise

from kit.wire_client import WireClient
from kit.wire_samples import anchor
from kit.wire_world import Dial, Enter, World

#: Between two frames as the client receives them; both may have been held up by a busy machine. Seconds.
SPACING = 0.85


class Arrivals:
    """When presence frames of a page came."""

    def __init__(self, client: WireClient, page: str) -> None:
        self._client, self._page = client, page
        self.times: list[float] = []

    def _heard(self) -> int:
        return len(self._client.of("presence", page=self._page))

    async def watch(self, until: float) -> None:
        """Note the moments until then (steady clock, seconds)."""
        before = self._heard()
        while (left := until - time.monotonic()) > 0:
            known = before + len(self.times)
            try:
                await self._client.until(partial(self._more_than, known), left)
            except TimeoutError:
                return
            self.times += [time.monotonic()] * (self._heard() - known)

    def _more_than(self, known: int) -> bool:
        return self._heard() > known


async def test_distinct_readers_over_tabs_and_gateways(enter: Enter, page: str) -> None:
    first = await enter("ann", joined=page)
    assert first.pages[page].readers == 1, "the answer counts you in"
    second_tab = await enter("ann", joined=page)
    far_tab = await enter("ann", gateway=1, joined=page)
    assert second_tab.pages[page].readers == far_tab.pages[page].readers == 1, "one `sub`, one reader"
    bo = await enter("bo", gateway=1, joined=page)
    assert bo.pages[page].readers == 2
    await first.counts(page, 2)
    reader = await enter("cy", role="reader", joined=page)
    assert reader.pages[page].readers == 3
    for client in (first, second_tab, far_tab, bo):
        await client.counts(page, 3)
    for frame in first.of("presence"):
        assert set(frame) == {"t", "page", "readers"}


async def test_a_reader_leaves_with_the_last_tab(enter: Enter, page: str) -> None:
    ann = await enter("ann", joined=page)
    bo, bo_far = await enter("bo", joined=page), await enter("bo", gateway=1, joined=page)
    await ann.counts(page, 2)
    await bo.close()
    # One change that must not be announced, and one that must: the count never went below two before it rose.
    await enter("cy", gateway=1, joined=page)
    await ann.counts(page, 3)
    assert [frame["readers"] for frame in ann.of("presence")] == [2, 3]
    await bo_far.leave(page)
    await ann.counts(page, 2)


async def test_a_cut_connection_leaves_too(enter: Enter, page: str) -> None:
    ann, bo = await enter("ann", joined=page), await enter("bo", gateway=1, joined=page)
    await ann.counts(page, 2)
    bo.abort()
    await ann.counts(page, 1)


async def test_who_comes_back_at_once_never_left(enter: Enter, page: str) -> None:
    """A reload: within the grace nobody hears of it."""
    ann, bo = await enter("ann", joined=page), await enter("bo", gateway=1, joined=page)
    await ann.counts(page, 2)
    heard = len(ann.of("presence"))
    for _ in range(3):
        await bo.close()
        bo = await enter("bo", gateway=1, joined=page)
    await enter("cy", joined=page)
    await ann.counts(page, 3)
    assert [frame["readers"] for frame in ann.of("presence")[heard:]] == [3]


async def test_pages_count_for_themselves(enter: Enter, page: str) -> None:
    ann, bo = await enter("ann", joined=page), await enter("bo", joined=page + "/other")
    assert ann.pages[page].readers == bo.pages[page + "/other"].readers == 1
    await bo.join(page)
    await ann.counts(page, 2)
    assert bo.pages[page + "/other"].readers == 1


async def test_at_most_one_frame_a_second(enter: Enter, page: str) -> None:
    watchers = [await enter("ann", joined=page), await enter("bo", gateway=1, joined=page)]
    crowd = [await enter(f"crowd-{number}", gateway=number % 2) for number in range(12)]
    arrivals = [Arrivals(watcher, page) for watcher in watchers]
    end = time.monotonic() + 3.5
    watching = [asyncio.create_task(arrival.watch(end)) for arrival in arrivals]
    for client in crowd:
        await client.join(page)
    for client in crowd[:4]:
        await client.leave(page)
    await asyncio.gather(*watching)
    for arrival in arrivals:
        assert arrival.times, "and they are told"
        gaps = [after - before for before, after in pairwise(arrival.times)]
        assert all(gap >= SPACING for gap in gaps), gaps
    for client in (*watchers, *crowd[4:]):
        await client.counts(page, 10)


async def test_those_who_come_together_all_learn_the_count(enter: Enter, page: str) -> None:
    """Many join at the same moment, over both gateways: the number in an answer may be old, but it is mended."""
    for attempt in range(3):
        name = f"{page}/{attempt}"
        crowd = [await enter(f"crowd-{number}", gateway=number % 2) for number in range(10)]
        await asyncio.gather(*(client.join(name) for client in crowd))
        for client in crowd:
            await client.counts(name, 10)


async def test_typing_is_shown_to_the_others(enter: Enter, page: str) -> None:
    ann, tab = await enter("ann", joined=page), await enter("ann", joined=page)
    near, far = await enter("bo", joined=page), await enter("cy", gateway=1, joined=page)
    chat = (await ann.do(page, "new-chat", anchor=anchor(), text="x"))["broadcastId"]
    await ann.typing(page, chat)
    for client in (tab, near, far):
        frame = await client.next("typing", after=0)
        assert frame == {"t": "typing", "page": page, "chat": chat, "reader": "ann"}
    await ann.ping()
    assert not ann.of("typing"), "not to the widget that it comes from"
    refused = await ann.error_after({"t": "typing", "page": page, "chat": "no uuid"})
    assert refused["code"] == "bad-field"


async def test_what_changes_during_a_long_answer_is_told_after_it(
    enter: Enter, dial: Dial, world: World, page: str
) -> None:
    """Nobody else is on that gateway, and the one who joins does not read: the count changes meanwhile."""
    writer = await enter("ann", role="moderator")
    for _ in range(6):
        ids = [await writer.submit(page, "new-chat", anchor=anchor(), text="x" * 16_000) for _ in range(60)]
        for identity in ids:
            await writer.outcome(identity)
        await writer.close()
        writer = await enter("ann")
    slow = await dial(gateway=1, receive_buffer=16_384)
    await slow.hello(world.acme.token("slow"))
    slow.socket.transport.pause_reading()
    view = await slow.ask_join(page)
    ann = await enter("ann", joined=page)
    await ann.counts(page, 2)
    bo = await enter("bo", joined=page)
    await ann.counts(page, 3)
    await bo.counts(page, 3)
    slow.socket.transport.resume_reading()
    await slow.until(lambda: view.answers)
    assert view.answers[0][0]["readers"] == 1
    await slow.counts(page, 3)
