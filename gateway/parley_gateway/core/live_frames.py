"""`live` frames: one for what is sent now, several when it is over 64 KiB."""

import msgspec

from parley import limits
from parley.server_frames import Live, encode
from parley_gateway.core.change import Change
from parley_gateway.core.page_answer import ENVELOPE


class LiveFrame(msgspec.Struct, frozen=True):
    """`payload`: the frame's JSON. `events`: entries in it, which is what counts as messages. `seq`: its end."""

    payload: bytes
    events: int
    seq: int


def live_frames(page: str, epoch: str, after: int, seq: int, changes: list[Change]) -> list[LiveFrame]:
    """Everything in (after, seq], in as few frames as the frame limit allows. `changes` are merged, in seq order."""
    room = limits.FRAME.default - ENVELOPE
    groups: list[list[Change]] = [[]]
    left = room
    for change in changes:
        size = len(change.entry) + 1
        if groups[-1] and size > left:
            groups.append([])
            left = room
        groups[-1].append(change)
        left -= size
    frames = []
    for number, group in enumerate(groups):
        # Merging leaves gaps in seq within a frame; a frame's own range ends where its last entry does.
        until = seq if number == len(groups) - 1 else group[-1].seq
        live = Live(page, epoch, after, until, [msgspec.Raw(change.entry) for change in group])
        frames.append(LiveFrame(encode(live), len(group), until))
        after = until
    return frames
