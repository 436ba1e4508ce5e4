"""What one client knows of one page, kept by WIRE's rules 4 and 5 to the letter."""

from typing import Any, TypeAlias

from kit.wire_page import apply_event

#: A discussion without what may differ on the way: its members, "comments" {id: comment}, and their ids in "order".
Plain: TypeAlias = dict[str, Any]


class PageCopy:
    """`broken` collects every breach of the wire's rules; empty is what a test wants to see."""

    def __init__(self, page: str) -> None:
        self.page = page
        self.epoch: str | None = None
        self.seq = 0
        self.chats: dict[str, dict[str, Any]] = {}
        #: Whether the answer to the last `join` is complete, so that `live` frames may come.
        self.joined = False
        self.gaps = 0
        self.broken: list[str] = []
        #: broadcastIds seen in `live` frames; each comes once in a client's life.
        self.seen: set[str] = set()
        #: Changes that came in answers to later joins: all that could be lost with connections that ended.
        self.caught_up = 0
        self._asked_at = 0
        self._parts = 0
        self._known = False

    def join(self) -> dict[str, Any]:
        """The frame that asks for what was missed."""
        self.joined, self._parts, self._asked_at = False, 0, self.seq
        frame: dict[str, Any] = {"t": "join", "page": self.page}
        if self.epoch is not None:
            frame["since"] = {"epoch": self.epoch, "seq": self.seq}
        return frame

    def left(self) -> None:
        """The connection has gone."""
        self.joined = False

    def answer(self, frame: dict[str, Any]) -> None:
        """A `page` frame."""
        if self.epoch not in (None, frame["epoch"]):
            self._breach(f"the epoch changed from {self.epoch} to {frame['epoch']}")
        self._parts += 1
        if frame["kind"] == "snapshot" and self._parts == 1:
            self.chats.clear()
        for chat in frame["chats"]:
            if chat.get("cont"):
                self.chats[chat["id"]]["comments"] += chat["comments"]
            else:
                self.chats[chat["id"]] = chat
        for gone in frame["gone"]:
            self.chats.pop(gone, None)
        self.epoch, self.seq = frame["epoch"], frame["seq"]
        if frame.get("more"):
            return
        if self.seq < self._asked_at:
            self._breach(f"an answer went back from {self._asked_at} to {self.seq}")
        if self._known:
            self.caught_up += self.seq - self._asked_at
        self._known = True
        self.joined, self._parts = True, 0

    def live(self, frame: dict[str, Any]) -> bool:
        """A `live` frame. False: something was missed, join again."""
        if not self.joined:
            if self._parts:
                self._breach("a live frame between the parts of an answer")
            return True  # sent before the gateway saw the join; its answer covers it
        if (frame["epoch"], frame["after"]) != (self.epoch, self.seq):
            self.gaps += 1
            return False
        for event in frame["events"]:
            if not frame["after"] < event["seq"] <= frame["seq"]:
                self._breach(f"an event with seq {event['seq']} in ({frame['after']}, {frame['seq']}]")
            for identity in [event["broadcastId"], *event.get("merged", ())]:
                if identity in self.seen:
                    self._breach(f"operation {identity} was told twice")
                self.seen.add(identity)
            apply_event(self.chats, event)
        self.seq = frame["seq"]
        return True

    def plain(self) -> dict[str, Plain]:
        """The discussions by id, in the form of `plain_chat`."""
        return {identity: plain_chat(chat) for identity, chat in self.chats.items()}

    def _breach(self, what: str) -> None:
        self.broken.append(f"{self.page}: {what}")


def plain_chat(chat: dict[str, Any]) -> Plain:
    """One discussion in a form that compares."""
    comments = {}
    for comment in chat["comments"]:
        identity = comment.get("id", chat["id"])
        first = identity == chat["id"]
        comments[identity] = {
            "by": (chat if first else comment)["by"],
            "at": (chat if first else comment)["at"],
            "text": comment["text"],
            "edited": bool(comment.get("edited")),
            "reactions": {emoji: sorted(who) for emoji, who in (comment.get("reactions") or {}).items() if who},
        }
    members = {name: chat[name] for name in ("seq", "state", "anchor", "by", "at")}
    return members | {"comments": comments, "order": list(comments)}
