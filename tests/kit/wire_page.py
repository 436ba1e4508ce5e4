"""A page as an independent client sees it: the cursor's rules, answers in parts, events."""

from copy import deepcopy
from itertools import pairwise
from typing import Any

Json = dict[str, Any]


class Violation(AssertionError):
    """The gateway broke a rule of the protocol."""


def demand(true: object, rule: int | str, what: str, *seen: object) -> None:
    """Raises `Violation` unless `true`."""
    if not true:
        raise Violation(f"rule {rule}: {what}; {' | '.join(str(item)[:500] for item in seen)}")


class PageView:
    """One joined page.

    `chats`: what the client shows; `seq` and `epoch`: its cursor; `whole`: the last answer is complete and every
    `live` since continues it; `answers`: complete answers, as lists of their frames.
    """

    def __init__(self, page: str) -> None:
        self.page = page
        self.epoch: str | None = None
        self.seq = 0
        #: The highest cursor so far: an answer wins whatever its numbers, and then some events come again.
        self.highest = 0
        self.chats: dict[str, Json] = {}
        self.events: list[Json] = []
        self.lives: list[Json] = []
        self.answers: list[list[Json]] = []
        self.parts: list[Json] = []
        self.readers = 0
        self.asked: list[Json | None] = []
        self.whole = False
        self.left = False

    @property
    def cursor(self) -> Json | None:
        """What `since` says."""
        return None if self.epoch is None else {"epoch": self.epoch, "seq": self.seq}

    @property
    def order(self) -> list[str]:
        """Ids of the comments in the order shown, chat by chat."""
        return [comment.get("id", chat["id"]) for chat in self.chats.values() for comment in chat["comments"]]

    def take_page(self, frame: Json) -> None:
        """One part of an answer (rules 4, 5, 6)."""
        demand(self.asked, 5, "a page that nobody asked for", frame)
        demand(frame["kind"] in ("snapshot", "changes"), 5, "another kind", frame["kind"])
        demand(frame["readers"] >= 1, 9, "nobody is there, not even this client", frame)
        since = self.asked[0]
        if not self.parts:
            self._first_part(frame, since)
        else:
            demand(frame["kind"] == self.parts[0]["kind"], 5, "parts of two kinds", frame)
            demand(frame["seq"] >= self.seq, 5, "a part covers less than the one before", frame["seq"], self.seq)
        self._check_order(frame)
        for entry in frame["chats"]:
            self._take_entry(entry)
        for gone in frame["gone"]:
            self.chats.pop(gone, None)
        self.highest = max(self.highest, self.seq) if frame["epoch"] == self.epoch else 0
        self.epoch, self.seq, self.readers = frame["epoch"], frame["seq"], frame["readers"]
        self.parts.append(frame)
        if not frame.get("more"):
            over = [entry["id"] for entry in frame["chats"] if entry["seq"] > frame["seq"]]
            demand(not over, 5, "the last part holds what it does not cover", over)
            self.answers.append(self.parts)
            self.parts = []
            self.asked.pop(0)
            self.whole = not self.asked

    def _first_part(self, frame: Json, since: Json | None) -> None:
        if frame["kind"] == "snapshot":
            self.chats.clear()
            return
        demand(since is not None and since["epoch"] == frame["epoch"], 6, "changes to something else", since, frame)
        assert since is not None
        demand(frame["seq"] >= since["seq"], 6, "changes that end before they begin", since, frame["seq"])

    def _check_order(self, frame: Json) -> None:
        entries = [entry for part in (*self.parts, frame) for entry in part["chats"]]
        for before, entry in pairwise(entries):
            if entry.get("cont"):
                demand(entry["id"] == before["id"], 5, "a continuation of something else", entry["id"], before["id"])
            else:
                demand(entry["seq"] > before["seq"], 5, "not in order of seq", before["seq"], entry["seq"])

    def _take_entry(self, entry: Json) -> None:
        if entry.get("cont"):
            demand(entry["id"] in self.chats, 5, "a continuation of nothing", entry["id"])
            self.chats[entry["id"]]["comments"].extend(deepcopy(entry["comments"]))
        else:
            self.chats[entry["id"]] = deepcopy(entry)

    def take_live(self, frame: Json) -> None:
        """Everything in (`after`, `seq`] (rules 4, 5, 7, 8)."""
        if self.left:
            return  # it was on its way when the client left
        demand(not self.parts, 5, "a live frame before the last part", frame)
        demand(self.whole or self.asked, 4, "a live frame without a page", frame)
        demand(frame["epoch"] == self.epoch, 4, "another epoch", frame["epoch"], self.epoch)
        demand(frame["after"] == self.seq, 4, "something was missed", frame["after"], self.seq)
        demand(frame["seq"] > frame["after"], 4, "an empty range", frame)
        demand(frame["events"], 4, "a frame without events", frame)
        at = frame["after"]
        for event in frame["events"]:
            demand(at < event["seq"] <= frame["seq"], 4, "an event outside of its frame's range", event["seq"], frame)
            at = event["seq"]
            apply_event(self.chats, event, again=at <= self.highest)
        self._check_merging(frame["events"])
        self.seq = frame["seq"]
        self.lives.append(frame)
        self.events.extend(frame["events"])

    @staticmethod
    def _check_merging(events: list[Json]) -> None:
        """Nothing in one frame says again what a later entry of it replaces (rule 8)."""
        touched = [touch for event in events for touch in _touches(event)]
        demand(len(touched) == len(set(touched)), 8, "two entries for one field of one object", touched)
        whole = {event["chat"]["id"] for event in events if event["event"] != "updated-text-chat"}
        parts = {event["chat"]["id"] for event in events if event["event"] == "updated-text-chat"}
        demand(not whole & parts, 8, "an update beside a whole chat or its deletion", whole & parts)

    def take_resync(self) -> None:
        """The gateway asks for a new join."""
        self.whole = False


def _touches(event: Json) -> list[tuple[str, str]]:
    chat = event["chat"]
    if event["event"] != "updated-text-chat":
        return [(chat["id"], "whole")]
    fields = [name for name in ("state", "anchor") if name in chat]
    if "comment" in chat:
        # Its first entry says where a comment stands; it may stay beside a later one that says what it became.
        identity = chat["comment"].get("id", chat["id"])
        fields.append(f"first of {identity}" if event["broadcastId"] == identity else identity)
    return [(chat["id"], name) for name in fields]


def apply_event(chats: dict[str, Json], event: Json, *, again: bool = False) -> None:
    """What an entry of `events` does to what is shown. `again`: it was told before, and what came after it too."""
    chat = event["chat"]
    identity = chat["id"]
    match event["event"]:
        case "new-text-chat":
            chats[identity] = deepcopy(chat)
        case "deleted-text-chat":
            chats.pop(identity, None)
        case "updated-text-chat":
            if again and identity not in chats:
                return  # it was deleted since, which will be told again
            demand(identity in chats, 4, "an update of a chat that nobody told of", event)
            known = chats[identity]
            demand(
                again or chat["seq"] > known["seq"],
                4,
                "an update that is older than what is known",
                event,
                known["seq"],
            )
            known |= {name: deepcopy(chat[name]) for name in ("seq", "state", "anchor") if name in chat}
            if "comment" in chat:
                _put_comment(known["comments"], identity, deepcopy(chat["comment"]))
        case other:
            demand(False, 7, "an unknown event", other)


def _put_comment(comments: list[Json], chat: str, comment: Json) -> None:
    identity = comment.get("id", chat)
    places = [place for place, held in enumerate(comments) if held.get("id", chat) == identity]
    if comment.get("deleted"):
        demand(set(comment) == {"id", "deleted"}, 7, "a removed comment says more than its id", comment)
        for place in places:
            del comments[place]
    elif identity == chat:
        comments[places[0]] = {name: value for name, value in comment.items() if name not in ("id", "by", "at")}
    elif places:
        comments[places[0]] = comment
    else:
        comments.append(comment)
