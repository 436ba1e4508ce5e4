"""The sockets of a load under one epoll: receives, answers pings, counts what came."""

import json
import re
import select
import time
import uuid
from collections.abc import Callable

from bench.frames import CLOSE, PING, PONG, frame, masked, split
from bench.load_group import Client, Group

#: Seconds for which a command may wait for something to happen.
PATIENCE = 120.0
CHUNK = 1 << 18
_ID = re.compile(rb'"broadcastId":"([^"]{36})"')


class Sockets:
    """All clients of one process."""

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._by_fd: dict[int, Client] = {}
        self._groups: dict[str, Group] = {}

    @staticmethod
    def _write(client: Client, data: bytes) -> None:
        client.sock.send(data)

    def _until(self, reached: Callable[[], bool], missing: Callable[[], str]) -> None:
        limit = time.monotonic() + PATIENCE
        while not reached():
            self._turn(0.05)
            if time.monotonic() > limit:
                raise TimeoutError(missing())

    def _quiet(self, group: Group) -> None:
        """Until no event has come for a second: then all have, also where the last of them were late."""
        events, since = group.events, time.monotonic()

        def rests() -> bool:
            nonlocal events, since
            if group.events != events:
                events, since = group.events, time.monotonic()
            return time.monotonic() > since + 1

        self._until(rests, lambda: "events come without an end")

    def _turn(self, wait: float) -> bool:
        """Receive what is there. Whether a command waits."""
        command = False
        by_fd = self._by_fd
        for fd, _ in self._epoll.poll(wait):
            client = by_fd.get(fd)
            if client is None:
                command = command or fd == 0
                continue
            try:
                data = client.sock.recv(CHUNK)
            except BlockingIOError:
                continue
            except OSError:
                data = b""
            if not data:
                self._lose(client)
            else:
                self._take(client, data)
        return command

    def _take(self, client: Client, data: bytes) -> None:
        if client.rest:
            data = client.rest + data
        if client.stage == "upgrade":
            head, end, data = data.partition(b"\r\n\r\n")
            if not end:
                client.rest = head
                return
            if b" 101 " not in head[:16]:
                self._lose(client)
                return
            self._upgraded(client)
        begin = 0
        for opcode, payload, end_at in split(data):
            begin = end_at
            self._frame(client, opcode, payload, end_at)
        client.rest = data[begin:] if begin < len(data) else b""

    def _upgraded(self, client: Client) -> None:
        if client.group.how == "websocket":
            self._is_open(client)
            return
        client.stage = "hello"
        self._write(client, frame(t="hello", v=1, token=client.token, client=str(uuid.uuid4())))

    def _frame(self, client: Client, opcode: int, payload: bytes, _: int) -> None:
        group = client.group
        if payload.startswith(b'{"t":"live"'):
            group.frames += 1
            group.events += payload.count(b'"event":"')
            group.bytes += len(payload)
            if group.due is not None:
                now = time.monotonic()
                for name in _ID.findall(payload):
                    if name in group.due:
                        group.delays.append(now - group.due[name])
            if client.since is not None:
                client.seq = json.loads(payload)["seq"]
        elif payload.startswith(b'{"t":"ack"'):
            found = _ID.search(payload)
            if group.due is not None and found is not None and found[1] in group.due:
                group.acks.append(time.monotonic() - group.due[found[1]])
                if group.acked is not None:
                    del group.due[found[1]]  # nobody watches the deliveries of a closed loop
            if group.acked is not None:
                group.acked(client)
        elif opcode == PING:
            self._write(client, masked(payload, PONG))
        elif payload.startswith(b'{"t":"welcome"'):
            if client.page:
                client.stage = "join"
                since = {} if client.since is None else {"since": client.since}
                self._write(client, frame(t="join", page=client.page, **since))
            else:
                self._is_open(client)
        elif payload.startswith(b'{"t":"page"'):
            if client.since is not None:
                answer = json.loads(payload)
                client.epoch, client.seq = answer["epoch"], answer["seq"]
            if client.stage == "join" and b'"more":true' not in payload[-20:]:
                self._is_open(client)
        elif payload.startswith(b'{"t":"error"'):
            code = json.loads(payload)["code"]
            group.errors[code] = group.errors.get(code, 0) + 1
        elif opcode == CLOSE:
            self._lose(client)

    @staticmethod
    def _is_open(client: Client) -> None:
        client.stage = "open"
        client.group.opened += 1

    def _lose(self, client: Client) -> None:
        if client.stage == "closed":
            return
        client.group.lost += 1
        if client.stage == "open":
            client.group.opened -= 1
        self._drop(client)

    def _drop(self, client: Client) -> None:
        if client.stage != "closed":
            client.stage = "closed"
            fd = client.sock.fileno()
            self._epoll.unregister(fd)
            del self._by_fd[fd]
            client.sock.close()
