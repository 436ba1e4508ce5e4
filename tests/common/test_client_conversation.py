"""The Python client's core: whatever is lost, repeated or late, who says it is in sync has what the page has."""

import json
import random
from typing import Any
from uuid import UUID

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from kit.operations import uuid
from parley.client.backoff import BASE, CAP, Backoff
from parley.client.conversation import Again, Conversation, Happened, Loaded, Refused, Settled
from parley.client_frames import Do
from parley.objects import Anchor, Position, Quote

PAGE = "p"
ANCHOR = Anchor(Quote("a piece"), Position(0, 7))


class Server:
    """One page, by the protocol's text: its chats, its log, and a socket whose frames may be lost."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.epoch, self.seq = "e1", 0
        self.chats: dict[str, dict[str, Any]] = {}
        self.gone: dict[str, int] = {}
        self.done: dict[str, int] = {}
        self.told = 0
        self.joined = False
        self.pending: list[dict[str, Any]] = []
        self.way: list[dict[str, Any]] = []

    def take(self, data: bytes) -> None:
        frame = json.loads(data)
        match frame["t"]:
            case "hello":
                reader = {"id": "u", "name": "U", "role": "commenter"}
                self.way.append({"t": "welcome", "v": 1, "tenant": "t", "reader": reader, "limits": {}, "renewInMs": 1})
            case "join":
                self.flush()
                self.answer(frame.get("since"))
            case "do":
                self.do(frame)

    def do(self, frame: dict[str, Any]) -> None:
        identity = frame["broadcastId"]
        if identity not in self.done:
            if self.rng.random() < 0.15:
                code = self.rng.choice(["unavailable", "forbidden"])
                self.way.append({"t": "error", "code": code, "message": "m", "help": "h", "broadcastId": identity})
                return
            self.act(identity)
        ack = {"t": "ack", "broadcastId": identity, "page": PAGE, "seq": self.done[identity]}
        self.way.insert(self.rng.randrange(len(self.way) + 1), ack)

    def act(self, identity: str) -> None:
        """One change of a random kind, under this id."""
        self.seq += 1
        self.done[identity] = self.seq
        kind = self.rng.choice(["new", "reply", "state", "delete"])
        if kind == "new" or not self.chats:
            chat = {"id": identity, "seq": self.seq, "state": "open", "anchor": msgspec.to_builtins(ANCHOR),
                    "by": {"id": "u", "name": "U"}, "at": 1, "comments": [{"text": "first"}]}  # fmt: skip
            self.chats[identity] = chat
            self.tell("new-text-chat", identity, json.loads(json.dumps(chat)))
            return
        chat = self.chats[self.rng.choice(list(self.chats))]
        chat["seq"] = self.seq
        about = {"id": chat["id"], "seq": self.seq}
        if kind == "delete":
            del self.chats[chat["id"]]
            self.gone[chat["id"]] = self.seq
            self.tell("deleted-text-chat", identity, about)
        elif kind == "state":
            chat["state"] = "resolved" if chat["state"] == "open" else "open"
            self.tell("updated-text-chat", identity, {**about, "state": chat["state"]})
        else:
            comment = {"id": identity, "by": {"id": "u", "name": "U"}, "at": 2, "text": "reply"}
            chat["comments"].append(comment)
            self.tell("updated-text-chat", identity, {**about, "comment": comment})

    def tell(self, event: str, identity: str, chat: dict[str, Any]) -> None:
        self.pending.append({"event": event, "seq": self.seq, "broadcastId": identity, "chat": chat})

    def flush(self) -> None:
        events, self.pending = self.pending, []
        if events and self.joined:
            live = {"t": "live", "page": PAGE, "epoch": self.epoch, "after": self.told, "seq": self.seq}
            self.way.append({**live, "events": events})
        self.told = self.seq

    def answer(self, since: dict[str, Any] | None) -> None:
        known = since is not None and since["epoch"] == self.epoch and since["seq"] <= self.seq
        start = since["seq"] if since is not None and known else 0
        chats = sorted((chat for chat in self.chats.values() if chat["seq"] > start), key=lambda chat: int(chat["seq"]))
        page = {
            "t": "page",
            "page": PAGE,
            "epoch": self.epoch,
            "kind": "changes" if known else "snapshot",
            "readers": 1,
        }
        gone = [identity for identity, seq in self.gone.items() if known and seq > start]
        cut = self.rng.randrange(len(chats) + 1)
        if cut:
            part = {"seq": chats[cut - 1]["seq"], "chats": chats[:cut], "gone": gone, "more": True}
            self.way.append(json.loads(json.dumps({**page, **part})))
            gone = []
        self.way.append(json.loads(json.dumps({**page, "seq": self.seq, "chats": chats[cut:], "gone": gone})))
        self.joined, self.told = True, self.seq

    def restored(self) -> None:
        """History is another one now."""
        self.epoch += "x"
        self.flush()
        self.way.append({"t": "resync", "page": PAGE, "why": "epoch"})
        self.joined = False


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 2**32), st.lists(st.sampled_from("doatlcrsss"), min_size=20, max_size=80))
def test_who_is_in_sync_has_what_the_page_has_and_is_told_each_event_once(seed: int, steps: list[str]) -> None:
    rng = random.Random(seed)
    server, talk = Server(rng), Conversation()
    settled: dict[str, int] = {}
    refused: set[str] = set()
    told: list[int] = []
    again: set[str] = set()

    def send() -> None:
        frames, talk.outgoing = talk.outgoing, []
        for frame in frames:
            server.take(frame)

    def hear() -> None:
        frame = server.way.pop(0)
        for outcome in talk.receive(json.dumps(frame)):
            match outcome:
                case Happened():
                    told.append(outcome.event.seq)
                case Settled():
                    assert outcome.broadcast_id not in settled
                    settled[outcome.broadcast_id] = outcome.seq
                case Refused():
                    refused.add(outcome.error.broadcast_id or "")
                case Again():
                    again.add(outcome.broadcast_id)
                case Loaded():
                    assert talk.pages[PAGE].synced
        send()

    def connect() -> None:
        talk.cut()
        server.way.clear()
        server.joined = False
        talk.connected("token")
        send()

    page = talk.join(PAGE)
    connect()
    for number, step in enumerate(steps):
        identity = uuid(number + 1)
        match step:
            case "d":
                talk.do(Do(PAGE, identity, "new-chat", anchor=ANCHOR, text="x"))
                send()
            case "o" | "a":
                server.act(identity)
            case "t":
                server.flush()
            case "l":
                live = [frame for frame in server.way if frame["t"] == "live"]
                if live:
                    server.way.remove(rng.choice(live))  # a frame that never came
            case "c":
                connect()
            case "r":
                server.restored()
            case "s":
                while server.way:
                    hear()
        if page.synced and (page.epoch, page.seq) == (server.epoch, server.seq):
            assert msgspec.to_builtins(page.chats) == server.chats
    for _ in range(20):
        server.flush()
        while server.way:
            hear()
        for identity in sorted(again):
            talk.send_again(identity)
        again.clear()
        send()
    if not page.synced or page.seq != server.seq:
        connect()
        while server.way:
            hear()
    assert page.synced and msgspec.to_builtins(page.chats) == server.chats
    assert len(told) == len(set(told)) and told == sorted(told), "each once, in order"
    for identity, seq in settled.items():
        assert server.done[identity] <= seq
    assert not refused & set(settled) and not set(talk.unsettled) & (refused | set(settled))


def test_a_join_that_is_refused_is_told_and_forgotten() -> None:
    talk = Conversation()
    talk.connected("token")
    welcome = {
        "t": "welcome",
        "v": 1,
        "tenant": "t",
        "reader": {"id": "u", "name": "U", "role": "reader"},
        "limits": {},
    }
    talk.receive(json.dumps({**welcome, "renewInMs": 1}))
    talk.join(PAGE)
    error = {"t": "error", "code": "forbidden", "message": "m", "help": "h", "page": PAGE}
    (outcome,) = talk.receive(json.dumps(error))
    assert isinstance(outcome, Refused) and talk.pages == {}
    assert talk.receive("no frame") == [] == talk.receive('{"t":"from the future"}')


def test_an_update_of_a_chat_that_is_not_there_asks_for_the_whole_page_again() -> None:
    talk = Conversation()
    talk.connected("token")
    reader = {"id": "u", "name": "U", "role": "reader"}
    talk.receive(json.dumps({"t": "welcome", "v": 1, "tenant": "t", "reader": reader, "limits": {}, "renewInMs": 1}))
    page = talk.join(PAGE)
    answer = {"t": "page", "page": PAGE, "epoch": "e", "seq": 4, "kind": "snapshot", "chats": [], "gone": []}
    talk.receive(json.dumps({**answer, "readers": 1}))
    talk.outgoing.clear()
    chat = {"id": uuid(1), "seq": 6, "state": "resolved"}
    events = [
        {"event": "deleted-text-chat", "seq": 5, "broadcastId": uuid(2), "chat": {"id": uuid(3), "seq": 5}},
        {"event": "updated-text-chat", "seq": 6, "broadcastId": uuid(4), "chat": chat},
    ]
    live = {"t": "live", "page": PAGE, "epoch": "e", "after": 4, "seq": 6, "events": events}
    assert talk.receive(json.dumps(live)) == [], "what is not true of the copy is not told as if it were"
    (join,) = (json.loads(frame) for frame in talk.outgoing)
    assert join == {"t": "join", "page": PAGE}, "no cursor: what is here is not what it says it is"
    assert not page.synced
    whole = {**chat, "anchor": msgspec.to_builtins(ANCHOR), "by": {"id": "u", "name": "U"}, "at": 1}
    talk.receive(json.dumps({**answer, "seq": 6, "readers": 1, "chats": [{**whole, "comments": [{"text": "Why?"}]}]}))
    assert page.synced and page.chats[uuid(1)].state == "resolved"


def test_a_hello_names_the_instance_and_comes_first() -> None:
    talk = Conversation()
    talk.join(PAGE)
    talk.connected("token")
    (hello,) = (json.loads(frame) for frame in talk.outgoing)
    assert (hello["t"], hello["v"], hello["token"]) == ("hello", 1, "token") and UUID(hello["client"])


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30), st.integers(0, 60_000))
def test_backoff_is_full_jitter_and_never_less_than_asked(numbers: list[float], asked: int) -> None:
    source = iter(numbers)
    backoff = Backoff(lambda: next(source))
    for attempt, number in enumerate(numbers):
        wait = backoff.next(asked)
        assert abs(wait - asked / 1000 - number * min(CAP, BASE * 2**attempt)) < 1e-6
    backoff.reset()
    assert Backoff(lambda: 1.0).next() == BASE
