"""A client's copy of one page, by WIRE's rules 4 to 8 alone: no code of Parley's is used."""

import copy
from typing import Any

Json = dict[str, Any]


class ModelClient:
    """Feed it the frames of one page. It says `join_wanted` when it has noticed that it missed something.

    `in_sync`: it holds all of (`epoch`, `seq`), as far as it can know. `outbox`: what is not settled yet, in order.
    """

    def __init__(self, page: str) -> None:
        self.page = page
        self.epoch: str | None = None
        self.seq = 0
        self.chats: dict[str, Json] = {}
        self.outbox: dict[str, Json] = {}
        self.acked: set[str] = set()
        self.refused: dict[str, str] = {}
        self.seen: set[str] = set()
        self.joining = False
        self.join_wanted = True
        #: Two joins are under way: an answer cannot be told from the other, so the cursor may go back once.
        self.crossed = False
        self._inside: tuple[str, str] | None = None

    @property
    def in_sync(self) -> bool:
        return self.epoch is not None and not self.joining and not self.join_wanted

    # What it sends

    def join(self) -> Json:
        self.crossed = self.joining
        self.joining, self.join_wanted, self._inside = True, False, None
        frame: Json = {"t": "join", "page": self.page}
        if self.epoch is not None:
            frame["since"] = {"epoch": self.epoch, "seq": self.seq}
        return frame

    def do(self, broadcast_id: str, **members: Any) -> Json:
        frame = {"t": "do", "page": self.page, "broadcastId": broadcast_id, **members}
        self.outbox[broadcast_id] = frame
        return frame

    def cut(self) -> None:
        """The connection is gone; what it holds stays."""
        self.joining, self.join_wanted, self.crossed, self._inside = False, True, False, None

    # What it hears

    def take(self, frame: Json) -> Json | None:
        """One frame; returns what to send in answer, if anything."""
        match frame["t"]:
            case "page":
                self._take_page(frame)
            case "live":
                self._take_live(frame)
            case "resync":
                self.join_wanted = True
            case "ack":
                self.acked.add(frame["broadcastId"])
                self.outbox.pop(frame["broadcastId"], None)
            case "error":
                identity = frame.get("broadcastId")
                if identity is None:
                    self.joining, self.join_wanted = False, True
                elif frame["code"] in ("internal", "unavailable"):
                    return self.outbox.get(identity)
                else:
                    self.refused[identity] = frame["code"]
                    self.outbox.pop(identity, None)
        return None

    def _take_page(self, frame: Json) -> None:
        if frame["kind"] == "snapshot" and self._inside != ("snapshot", frame["epoch"]):
            self.chats = {}
        if frame["epoch"] != self.epoch:
            self.seen = set()
        assert frame["kind"] == "snapshot" or frame["epoch"] == self.epoch, "changes of a history that I do not have"
        for identity in frame["gone"]:
            self.chats.pop(identity, None)
        for chat in frame["chats"]:
            if chat.get("cont"):
                self.chats[chat["id"]]["comments"].extend(chat.get("comments", []))
            else:
                self.chats[chat["id"]] = copy.deepcopy(chat)
        self.epoch, self.seq = frame["epoch"], frame["seq"]
        if frame.get("more"):
            self._inside = (frame["kind"], frame["epoch"])
        else:
            self.joining, self._inside = False, None
            self.join_wanted = False

    def _take_live(self, frame: Json) -> None:
        if self.joining or self.join_wanted:
            # Between `join` and its answer what still comes belongs to the time before.
            assert self._inside is None, "a live frame between two parts of an answer"
            return
        if frame["epoch"] != self.epoch or frame["after"] != self.seq or frame["seq"] <= self.seq:
            self.join_wanted = True
            return
        seqs = [event["seq"] for event in frame["events"]]
        assert seqs == sorted(seqs) and all(frame["after"] < seq <= frame["seq"] for seq in seqs), frame
        told = [one for event in frame["events"] for one in (event["broadcastId"], *event.get("merged", ()))]
        assert len(told) == frame["seq"] - frame["after"], f"not every operation is told: {frame}"
        assert len(set(told)) == len(told) and not self.seen & set(told), f"an operation is told twice: {frame}"
        self.seen |= set(told)
        for event in frame["events"]:
            apply(self.chats, event)
        for identity in told:
            self.outbox.pop(identity, None)
        self.seq = frame["seq"]


def apply(chats: dict[str, Json], event: Json) -> None:
    """One entry of `live`, by the rules of the wire."""
    change = event["chat"]
    match event["event"]:
        case "new-text-chat":
            chats[change["id"]] = copy.deepcopy(change)
        case "deleted-text-chat":
            chats.pop(change["id"], None)
        case "updated-text-chat":
            chat = chats[change["id"]]
            chat["seq"] = change["seq"]
            for member in ("state", "anchor"):
                if member in change:
                    chat[member] = change[member]
            if "comment" in change:
                _put(chat, copy.deepcopy(change["comment"]))


def _put(chat: Json, comment: Json) -> None:
    comments: list[Json] = chat["comments"]
    if comment["id"] == chat["id"]:
        for member in ("id", "by", "at"):
            comment.pop(member, None)
        comments[0] = comment
        return
    places = [place for place, held in enumerate(comments) if held.get("id") == comment["id"]]
    if comment.get("deleted"):
        for place in places:
            del comments[place]
    elif places:
        comments[places[0]] = comment
    else:
        comments.append(comment)
