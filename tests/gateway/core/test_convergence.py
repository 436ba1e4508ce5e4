"""Whatever is lost, doubled, reordered, crashed or restored: who says it is in sync equals the database."""

import json
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from kit.gateway_world import Client, GatewayWorld
from kit.profiles import LONG_WORLD, WORLD
from kit.world_gateway import Gateway

GATEWAYS, CLIENTS = 2, 3
OPS = (
    "new-chat",
    "new-chat",
    "reply",
    "reply",
    "edit",
    "remove-comment",
    "resolve",
    "reopen",
    "relink",
    "react",
    "delete-chat",
)
TEXTS = ("one", "two", "three")
PLACES = (10, 20)

clients = st.integers(0, CLIENTS - 1)
gateways = st.integers(0, GATEWAYS - 1)
picks = st.integers(0, 50)
rarely = st.integers(0, 3)

#: Small enough that a run reaches each of them.
SMALL = {
    "parley_gateway.shell.hub.LONGEST_FILL": 12,
    "parley_gateway.core.page_channel.RECENT": 4,
    "parley_gateway.core.page_channel.HELD": 3,
    "parley_gateway.core.fill.STANDS_FOR": 2,
}


class Convergence(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self._patches = [patch(name, value) for name, value in SMALL.items()]
        for small in self._patches:
            small.start()
        self.world = GatewayWorld(GATEWAYS, CLIENTS)
        self.made: list[tuple[str, str]] = []

    # Readers

    @initialize()
    def all_connect(self) -> None:
        for number, client in enumerate(self.world.clients):
            self.world.connect(client, self.world.gateways[number % GATEWAYS])

    @rule()
    def everything_arrives(self) -> None:
        self.world.loop.pass_time(0.15)
        for where in range(GATEWAYS):
            self.bus_brings_all(where)
        self.world.loop.pass_time(0.15)
        for client in self.world.clients:
            self.world.hear(client)

    @rule(who=clients, where=gateways)
    def connect(self, who: int, where: int) -> None:
        client = self._client(who)
        if not client.connected:
            self.world.connect(client, self.world.gateways[where])

    @rule(who=clients)
    def cut(self, who: int) -> None:
        self.world.cut(self._client(who))

    @rule(who=clients, op=st.sampled_from(OPS), pick=picks, text=st.sampled_from(TEXTS), place=st.sampled_from(PLACES))
    def act(self, who: int, op: str, pick: int, text: str, place: int) -> None:
        self._act(self._client(who), op, pick, text, place)

    @rule(who=clients, ops=st.lists(st.tuples(st.sampled_from(OPS), picks, st.sampled_from(TEXTS)), max_size=8))
    def act_much(self, who: int, ops: list[tuple[str, int, str]]) -> None:
        for op, pick, text in ops:
            self._act(self._client(who), op, pick, text, 10)

    @rule(who=clients)
    def send_all_again(self, who: int) -> None:
        client = self._client(who)
        for frame in list(client.model.outbox.values()):
            self.world.send(client, frame)

    @rule(who=clients, frames=st.integers(1, 8))
    def hear(self, who: int, frames: int) -> None:
        self.world.hear(self._client(who), frames)

    @rule(who=clients)
    def hear_all(self, who: int) -> None:
        self.world.hear(self._client(who))

    @rule(who=clients, clogged=st.booleans(), pace=st.sampled_from((0.0, 0.01, 0.3)))
    def read_slowly(self, who: int, clogged: bool, pace: float) -> None:
        connection = self._client(who).connection
        if connection is not None:
            connection.clogged, connection.pace = clogged, pace

    # Time

    @rule(seconds=st.sampled_from((0.0, 0.001, 0.02, 0.06, 0.2, 1.0)))
    def wait(self, seconds: float) -> None:
        self.world.loop.pass_time(seconds)

    # The bus

    @rule(where=gateways, pick=picks)
    def bus_brings(self, where: int, pick: int) -> None:
        gateway = self.world.gateways[where]
        if gateway.bus:
            self.world.work(gateway, lambda gateway: gateway.hear(pick % len(gateway.bus)))

    @rule(where=gateways)
    def bus_brings_all(self, where: int) -> None:
        gateway = self.world.gateways[where]
        while gateway.bus:
            self.world.work(gateway, lambda gateway: gateway.hear(0))

    @rule(where=gateways, pick=picks)
    def bus_loses(self, where: int, pick: int) -> None:
        gateway = self.world.gateways[where]
        if gateway.bus:
            gateway.bus.pop(pick % len(gateway.bus))

    @rule(where=gateways)
    def bus_is_flushed(self, where: int) -> None:
        self.world.gateways[where].bus.clear()

    @precondition(lambda self: self.world.published)
    @rule(where=gateways, pick=picks)
    def bus_goes_back(self, where: int, pick: int) -> None:
        """To an older state: all since then comes once more."""
        published = self.world.published
        self.world.gateways[where].bus.extend(published[pick % len(published) :])

    # Gateways and the database

    @rule(where=gateways)
    def compare_heads(self, where: int) -> None:
        self.world.work(self.world.gateways[where], Gateway.mend)

    @rule(where=gateways, really=rarely)
    def crash(self, where: int, really: int) -> None:
        if not really:
            self.world.crash(where)

    @rule(
        where=gateways,
        fault=st.sampled_from(("none", "none", "away", "doubt")),
        delay=st.sampled_from((0.0, 0.01, 0.3)),
    )
    def database_is(self, where: int, fault: Any, delay: float) -> None:
        store = self.world.gateways[where].store
        store.fault, store.delay = fault, delay

    @rule()
    def back_up(self) -> None:
        self.world.save()

    @rule(really=rarely)
    def restore(self, really: int) -> None:
        if not really:
            self.world.restore()

    # What must hold

    @invariant()
    def who_is_in_sync_equals_the_database(self) -> None:
        self.world.check()

    def teardown(self) -> None:
        try:
            self.world.settle()
        finally:
            self.world.end()
            for small in self._patches:
                small.stop()

    def _client(self, number: int) -> Client:
        return self.world.clients[number]

    def _act(self, client: Client, op: str, pick: int, text: str, place: int) -> None:
        identity = self.world.new_id()
        members: dict[str, Any] = {"op": op}
        if op in ("new-chat", "relink"):
            members["anchor"] = {"quote": {"exact": "piece"}, "position": {"start": place, "end": place + 5}}
        if op in ("new-chat", "reply", "edit"):
            members["text"] = text
        if op != "new-chat":
            if not self.made:
                return
            chat, comment = self.made[-1 - pick % len(self.made)]
            members["chat"] = chat
            if op in ("edit", "remove-comment", "react"):
                members["comment"] = comment
            if op == "react":
                members |= {"emoji": "👍" if pick % 2 else "🎉", "on": text != "three"}
        if op == "new-chat":
            self.made.append((identity, identity))
        elif op == "reply":
            self.made.append((members["chat"], identity))
        self.world.send(client, client.model.do(identity, **members))


def test_who_says_it_is_in_sync_equals_the_database() -> None:
    run_state_machine_as_test(Convergence, settings=WORLD)


@pytest.mark.nightly
def test_who_says_it_is_in_sync_equals_the_database_for_long() -> None:
    run_state_machine_as_test(Convergence, settings=LONG_WORLD)


def test_an_answer_whose_history_changes_between_two_parts_ends_in_a_resync() -> None:
    world = GatewayWorld(1, 2, answer=2)
    try:
        writer, late = world.clients
        world.connect(writer, world.gateways[0])
        for number in range(6):
            anchor = {"quote": {"exact": "piece"}, "position": {"start": number, "end": number + 1}}
            world.send(writer, writer.model.do(world.new_id(), op="new-chat", text="x", anchor=anchor))
        world.loop.pass_time(1.0)
        world.hear(writer)
        world.cut(writer)
        world.connect(late, world.gateways[0])
        connection = late.connection
        assert connection is not None
        connection.pace = 0.5
        world.loop.pass_time(0.75)
        assert late.connection is connection and connection.inbox
        world.restore()
        world.loop.pass_time(5.0)
        kinds = [json.loads(frame)["t"] for frame in connection.inbox]
        assert kinds.count("page") >= 1 and kinds[-1] == "resync"
        world.settle()
    finally:
        world.end()


def test_the_rest_of_an_answer_knows_what_its_beginning_knew() -> None:
    """A chat that moves on between two parts is in neither when the rest comes from an answer that is older."""
    world = GatewayWorld(2, 3, answer=2)
    try:
        writer, early, late = world.clients
        behind, ahead = world.gateways
        world.connect(writer, behind)
        chats = [world.new_id() for _ in range(5)]
        for number, chat in enumerate(chats):
            anchor = {"quote": {"exact": "piece"}, "position": {"start": number, "end": number + 1}}
            world.send(writer, writer.model.do(chat, op="new-chat", text="x", anchor=anchor))
        world.loop.pass_time(1.0)
        world.hear(writer)
        # One that comes back with the cursor 5 leaves its answer, "nothing new", to be kept where the bus is behind.
        world.cut(writer)
        world.connect(writer, behind)
        world.loop.pass_time(1.0)
        world.hear(writer)
        assert (writer.model.seq, writer.model.in_sync) == (5, True)
        world.connect(early, ahead)
        world.loop.pass_time(1.0)
        world.send(early, early.model.do(world.new_id(), op="resolve", chat=chats[0]))
        world.loop.pass_time(1.0)
        # Parts up to 5 are read when the first chat has moved on to 6 already.
        world.connect(late, ahead)
        connection = late.connection
        assert connection is not None
        connection.pace = 1.0
        while late.model.seq < 5:
            world.loop.pass_time(0.5)
            world.hear(late)
        assert (late.model.seq, late.model.in_sync) == (5, False)
        world.cut(late)
        world.connect(late, behind)
        world.loop.pass_time(0.01)
        world.hear(late)
        world.check()
        world.settle()
    finally:
        world.end()
