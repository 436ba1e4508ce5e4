"""The clients of a bench, in a process of their own: raw sockets and epoll, told what to do by lines of JSON.

Run by `bench.world.Load`. Each command gets one line of answer; between commands it keeps receiving and answers pings,
so that a gateway under idle measurement sees living clients. Commands are the methods of `Clients`.
"""

import gc
import json
import os
import select
import socket
import sys
import time
import uuid
from collections import deque
from typing import Any

from bench.frames import frame, upgrade
from bench.load_group import Client, Group, spread
from bench.load_sockets import CHUNK, PATIENCE, Sockets

_TEXT = "It reads well, but the third paragraph says the opposite of what the figure beside it is showing us."
ANCHOR = {
    "quote": {"exact": "a passage", "prefix": "here is ", "suffix": " of text"},
    "position": {"start": 8, "end": 17},
}


class Clients(Sockets):
    """All groups of one process."""

    # Commands

    def open(
        self,
        group: str,
        host: str,
        port: int,
        count: int,
        how: str = "parley",
        tokens: list[str] | None = None,
        pages: list[str] | None = None,
        since: list[Any] | None = None,
        at_once: int = 64,
    ) -> dict[str, Any]:
        """Open connections and wait until all are open. `how`: parley (join a page; "" joins none), websocket, tcp."""
        made = self._groups.setdefault(group, Group(how))
        tokens, pages, since = tokens or [""], pages or [""], since or [None]
        address, request = (host, port), upgrade(f"{host}:{port}")
        first, began = len(made.clients), time.monotonic()
        want = first + count
        while made.opened + made.lost < want:
            while len(made.clients) < want and len(made.clients) - made.opened - made.lost < at_once:
                number = len(made.clients) - first
                sock = socket.create_connection(address)
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                sock.setblocking(False)
                client = Client(
                    made, sock, tokens[number % len(tokens)], pages[number % len(pages)], since[number % len(since)]
                )
                made.clients.append(client)
                self._by_fd[sock.fileno()] = client
                self._epoll.register(sock.fileno(), select.EPOLLIN)
                if how == "tcp":
                    client.stage = "open"
                    made.opened += 1
                else:
                    sock.send(request)
            self._turn(0.05)
            if time.monotonic() - began > PATIENCE:
                raise TimeoutError(f"{made.opened} of {want} connections opened, {made.lost} were lost")
        return {"opened": made.opened, "lost": made.lost, "seconds": time.monotonic() - began}

    def expect(self, group: str, events: int) -> dict[str, Any]:
        """Wait until so many events have arrived in all since the group was made."""
        made = self._groups[group]
        self._until(lambda: made.events >= events, lambda: f"{made.events} of {events} events came")
        return self.count(group)

    def count(self, group: str) -> dict[str, Any]:
        """Events, the frames that held them and those frames' bytes so far; connections lost."""
        made = self._groups[group]
        return {"events": made.events, "frames": made.frames, "bytes": made.bytes, "lost": made.lost}

    def cursors(self, group: str) -> dict[str, Any]:
        """For each page: the epoch last seen, and how many of its clients stand at which seq."""
        pages: dict[str, Any] = {}
        for client in self._groups[group].clients:
            at = pages.setdefault(client.page, {"epoch": client.epoch, "seqs": {}})["seqs"]
            at[client.seq] = at.get(client.seq, 0) + 1
        return {"pages": pages}

    def close(self, group: str) -> dict[str, Any]:
        """End all of them, without a handshake."""
        made = self._groups.pop(group)
        for client in made.clients:
            self._drop(client)
        return {}

    def send(
        self, group: str, writes: list[tuple[int, list[dict[str, Any]]]], answered: bool = False
    ) -> dict[str, Any]:
        """For each (client's number, operations): all of them in one write. `answered`: wait for every `ack`."""
        made = self._groups[group]
        left = sum(len(operations) for _, operations in writes) if answered else 0

        def acked(_: Client) -> None:
            nonlocal left
            left -= 1

        made.acked = acked if answered else made.acked
        for number, operations in writes:
            data = b"".join(frame(t="do", **{"broadcastId": str(uuid.uuid4()), **op}) for op in operations)
            made.clients[number].sock.sendall(data)
        if answered:
            self._until(lambda: left <= 0 or bool(made.errors), lambda: f"{left} acks are missing")
            made.acked = None
        return {"errors": made.errors}

    def start_chats(self, group: str, writers: int, at_once: int = 100) -> dict[str, Any]:
        """Give each of the first `writers` clients a chat of its own on its page."""
        made = self._groups[group]
        waiting = deque(made.clients[:writers])
        done = 0

        def acked(_: Client) -> None:
            nonlocal done
            done += 1
            if waiting:
                create(waiting.popleft())

        def create(client: Client) -> None:
            client.chat = str(uuid.uuid4())
            operation = {"op": "new-chat", "anchor": ANCHOR, "text": "?"}
            self._write(client, frame(t="do", broadcastId=client.chat, page=client.page, **operation))

        made.acked = acked
        for _ in range(min(at_once, len(waiting))):
            create(waiting.popleft())
        want = min(writers, len(made.clients))
        self._until(lambda: done >= want, lambda: f"{done} of {want} chats were made; errors: {made.errors}")
        made.acked = None
        return {"made": done}

    def steady(self, group: str, writers: int, per_second: float, seconds: float, watch: str = "") -> dict[str, Any]:
        """Operations at a fixed pace, whatever the answers do; delays count from when each was due. In ms.

        `watch`: the group whose deliveries are timed, if it is not the writers' own.
        """
        made = self._groups[group]
        seen = self._groups[watch or group]
        seen.due = made.due = {}
        seen.delays, made.acks = [], []
        step = 1 / per_second
        began = time.monotonic()
        total, sent = int(per_second * seconds), 0
        events = seen.events
        while sent < total:
            now = time.monotonic()
            while sent < total and began + sent * step <= now:
                self._operation(made.clients[sent % writers], began + sent * step)
                sent += 1
            self._turn(min(0.05, max(0.0, began + sent * step - time.monotonic())))
        took = time.monotonic() - began
        self._until(lambda: len(made.acks) >= total or bool(made.errors), lambda: f"{len(made.acks)} of {total} acks")
        self._quiet(seen)
        seen.due = made.due = None
        return {
            "sent": sent,
            "seconds": took,
            "acked": len(made.acks),
            "deliveries": seen.events - events,
            "ack_ms": spread(made.acks),
            "delivery_ms": spread(seen.delays),
            "errors": made.errors,
        }

    def flat_out(self, group: str, writers: int, seconds: float) -> dict[str, Any]:
        """Each of the first `writers` clients sends its next reply when the last is acknowledged."""
        made = self._groups[group]
        made.due, made.acks = {}, []
        began = time.monotonic()
        until = began + seconds

        def acked(client: Client) -> None:
            now = time.monotonic()
            if now < until:
                self._operation(client, now, reply=True)

        made.acked = acked
        for client in made.clients[:writers]:
            self._operation(client, began, reply=True)
        self._until(lambda: time.monotonic() >= until or bool(made.errors), str)
        acknowledged, took = len(made.acks), time.monotonic() - began
        self._until(lambda: not made.due or bool(made.errors), lambda: f"{len(made.due or ())} acks are missing")
        made.acked = made.due = None
        return {"acked": acknowledged, "seconds": took, "ack_ms": spread(made.acks), "errors": made.errors}

    # What they are made of

    def _operation(self, client: Client, due: float, reply: bool = False) -> None:
        """Resolve or reopen the client's chat, in turn; or reply in it."""
        name = str(uuid.uuid4())
        operation: dict[str, Any] = {"op": "reply", "text": _TEXT}
        if not reply:
            operation = {"op": "reopen" if client.resolved else "resolve"}
            client.resolved = not client.resolved
        if client.group.due is not None:
            client.group.due[name.encode()] = due
        self._write(client, frame(t="do", broadcastId=name, page=client.page, chat=client.chat, **operation))

    def serve(self) -> None:
        """Commands from standard input until it ends."""
        self._epoll.register(0, select.EPOLLIN)
        pending = b""
        while True:
            if not self._turn(1.0):
                continue
            data = os.read(0, CHUNK)
            if not data:
                return
            *lines, pending = (pending + data).split(b"\n")
            self._epoll.unregister(0)
            for line in lines:
                command = json.loads(line)
                try:
                    answer = getattr(self, command.pop("do"))(**command)
                except Exception as problem:
                    answer = {"problem": f"{type(problem).__name__}: {problem}"}
                sys.stdout.write(json.dumps(answer) + "\n")
                sys.stdout.flush()
            self._epoll.register(0, select.EPOLLIN)


if __name__ == "__main__":
    gc.disable()  # a collection among ten thousand clients would be measured as somebody's delay
    Clients().serve()
