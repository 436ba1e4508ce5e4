"""One change of a page: how it travels over the bus, and how several of them merge into one `live` entry."""

import msgspec

from parley.chat_update import apply_update
from parley.server_frames import Event, EventName

_events = msgspec.json.Decoder(Event)
_encoder = msgspec.json.Encoder()

#: What a change touches, besides a comment (its id): the rule of merging is "same field of the same object".
WHOLE = "*"
STATE = "state"
ANCHOR = "anchor"
#: A chat that is told whole once more; what was told of it before must not be told to anybody else.
AGAIN = "again"


class Change(msgspec.Struct, array_like=True):
    """`field`: `*` (new or deleted chat), `state`, `anchor`, `again`, or a comment's id. `entry`: the event's JSON."""

    seq: int
    id: str
    event: EventName
    chat: str
    field: str
    entry: bytes

    @classmethod
    def of(cls, event: Event, field: str) -> "Change":
        return cls(
            event.seq,
            event.broadcast_id,
            event.event,
            event.chat.id,
            field,
            _encoder.encode(event),
        )

    @property
    def takes_back(self) -> bool:
        """Whether it takes back what was told of a chat before."""
        return self.field == AGAIN or self.event == "deleted-text-chat"

    def read(self) -> Event:
        """The event as an object."""
        return _events.decode(self.entry)


def merge(changes: list[Change]) -> list[Change]:
    """The fewest entries that say the same (WIRE rule 8), by seq. `changes` are in seq order.

    A later change replaces an earlier one of the same field of the same object; new + updated is new with the final
    content; whatever was before a deletion is the deletion.
    """
    if len(changes) < 2 or len({change.chat for change in changes}) == len(changes):
        return changes
    by_chat: dict[str, list[Change]] = {}
    for change in changes:
        by_chat.setdefault(change.chat, []).append(change)
    merged = [entry for of_chat in by_chat.values() for entry in _merge_chat(of_chat)]
    merged.sort(key=lambda change: change.seq)
    return merged


def _merge_chat(changes: list[Change]) -> list[Change]:
    if len(changes) == 1:
        return changes
    last = changes[-1]
    if last.event == "deleted-text-chat":
        return [_standing_for(last, changes[:-1])]
    # A chat that is told whole replaces what was said of it before, also when that is told as new once more.
    for place in range(len(changes) - 1, -1, -1):
        if changes[place].event == "new-text-chat":
            return [_grown(_standing_for(changes[place], changes[:place]), changes[place + 1 :])]
    groups: dict[tuple[str, bool], list[Change]] = {}
    born: list[str] = []
    for change in changes:
        # A comment stands where its first entry came, so that one may not move behind a comment that came after it.
        if change.id == change.field:
            born.append(change.field)
        apart = change.field in born and born[-1] != change.field
        groups.setdefault((change.field, apart), []).append(change)
    return [_standing_for(group[-1], group[:-1]) for group in groups.values()]


def _ids(changes: list[Change]) -> list[str]:
    """Every broadcastId that these changes already stand for."""
    ids: list[str] = []
    for change in changes:
        ids.append(change.id)
        ids.extend(change.read().merged or [])
    return ids


def _standing_for(change: Change, others: list[Change]) -> Change:
    if not others:
        return change
    event = change.read()
    return Change.of(msgspec.structs.replace(event, merged=_ids(others) + (event.merged or [])), change.field)


def _grown(new: Change, updates: list[Change]) -> Change:
    """A new chat as it is after `updates`."""
    if not updates:
        return new
    event = new.read()
    chat = event.chat
    for update in updates:
        chat = apply_update(chat, update.read().chat)
    merged = (event.merged or []) + _ids(updates)
    return Change.of(msgspec.structs.replace(event, seq=chat.seq, chat=chat, merged=merged), new.field)
