"""Long polls of a gateway that leaves: each answers at a moment of its own, whoever else waits for the same page."""

import asyncio
from typing import Any
from unittest.mock import Mock

from kit.virtual_time import VirtualLoop
from parley.client_frames import Since
from parley_gateway.shell.live_page import LivePage
from parley_gateway.shell.long_poll import _Poll


def test_polls_answer_spread_over_the_time() -> None:
    loop = VirtualLoop()
    caller: Any = Mock()

    async def leave() -> list[float]:
        live = LivePage("acme", "p", 50)
        polls = [_Poll(caller, live, Since("e", 1), 25.0, None) for _ in range(50)]

        async def answered(poll: _Poll) -> float:
            await poll.wait(25.0)
            assert poll.deadline <= loop.time(), "it would wait again"
            return loop.time()

        waiting = [asyncio.create_task(answered(poll)) for poll in polls]
        await asyncio.sleep(1)  # of virtual time
        for poll in polls:
            poll.move(10_000)
        return await asyncio.gather(*waiting)

    try:
        moments = loop.run(leave())
    finally:
        loop.end()
    assert min(moments) >= 1 and max(moments) <= 11
    assert max(moments) - min(moments) > 5, "they do not come all at once"
