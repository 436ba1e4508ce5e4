"""What a client knows of one page (rules 4 and 5): only `page` and `live` move it, and only in order."""

import msgspec

from parley.chat_update import apply_update
from parley.client_frames import Join, Since
from parley.objects import Chat
from parley.server_frames import Event, Live, Page

_chats: msgspec.json.Decoder[Chat] = msgspec.json.Decoder(Chat)
_events: msgspec.json.Decoder[Event] = msgspec.json.Decoder(Event)


class PageCopy:
    """A page as of `seq`. `chats` by id; `readers`: who is there now; `synced`: nothing is known to be missing."""

    def __init__(self, page: str) -> None:
        self.page = page
        self.epoch: str | None = None
        self.seq = 0
        self.chats: dict[str, Chat] = {}
        self.readers = 0
        self.synced = False
        self._parts = 0

    def join(self) -> Join:
        """The frame that asks for what is missing: all of it, or what changed since the cursor."""
        self.synced, self._parts = False, 0
        return Join(self.page, None if self.epoch is None else Since(self.epoch, self.seq))

    def cut(self) -> None:
        """The connection has gone."""
        self.synced = False

    def take_page(self, frame: Page) -> bool:
        """An answer to `join`, or a part of it; true when it is whole. It wins, whatever its numbers."""
        self._parts += 1
        if frame.kind == "snapshot" and self._parts == 1:
            self.chats.clear()
        for raw in frame.chats:
            chat = _chats.decode(raw)
            held = self.chats.get(chat.id)
            if chat.cont and held is not None:
                chat = msgspec.structs.replace(held, comments=[*(held.comments or []), *(chat.comments or [])])
            self.chats[chat.id] = chat
        for gone in frame.gone:
            self.chats.pop(gone, None)
        self.epoch, self.seq, self.readers = frame.epoch, frame.seq, frame.readers
        if frame.more is True:
            return False
        self.synced, self._parts = True, 0
        return True

    def take_live(self, frame: Live) -> list[Event] | None:
        """The events of a `live` frame, applied. None: something was missed, join again."""
        if not self.synced:
            return []  # it was sent before the gateway saw the join, whose answer covers it
        if (frame.epoch, frame.after) != (self.epoch, self.seq):
            return None
        events = [_events.decode(raw) for raw in frame.events]
        for event in events:
            if not self._apply(event):
                self.epoch = None  # this copy is not what it says it is: ask for everything
                return None
        self.seq = frame.seq
        return events

    def _apply(self, event: Event) -> bool:
        """False: it changes a chat that is not here."""
        chat = event.chat
        if event.event == "deleted-text-chat":
            self.chats.pop(chat.id, None)
        elif event.event == "new-text-chat":
            self.chats[chat.id] = chat
        elif (held := self.chats.get(chat.id)) is not None:
            self.chats[chat.id] = apply_update(held, chat)
        else:
            return False
        return True
