"""`live` frames: one for what is sent now, several when it is over 64 KiB."""

from collections.abc import Iterator

import msgspec

from parley import limits
from parley.server_frames import Live, encode
from parley_gateway.core.change import Change, merge
from parley_gateway.core.page_answer import ENVELOPE


class LiveFrame(msgspec.Struct, frozen=True):
    """`payload`: the frame's JSON. `events`: entries in it, which is what counts as messages. `seq`: its end."""

    payload: bytes
    events: int
    seq: int


#: Bytes of entries in one frame.
ROOM = limits.FRAME.default - ENVELOPE


def live_frames(page: str, epoch: str, after: int, seq: int, changes: list[Change]) -> list[LiveFrame]:
    """Everything in (after, seq], merged, in as few frames as the frame limit allows. `changes` are in seq order.

    Changes are merged within their frame only: so each frame says all of its own range, whatever the next one says.
    """
    groups = list(_groups(changes))
    frames = []
    for number, group in enumerate(groups):
        until = seq if number == len(groups) - 1 else group[-1].seq
        live = Live(page, epoch, after, until, [msgspec.Raw(change.entry) for change in group])
        frames.append(LiveFrame(encode(live), len(group), until))
        after = until
    return frames


def _groups(changes: list[Change]) -> Iterator[list[Change]]:
    merged = merge(changes)
    if len(changes) < 2 or sum(len(change.entry) + 1 for change in merged) <= ROOM:
        yield merged
        return
    middle = len(changes) // 2
    yield from _groups(changes[:middle])
    yield from _groups(changes[middle:])
