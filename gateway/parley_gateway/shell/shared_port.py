"""One port, a listening socket for each worker: the kernel hands each new connection to one of them."""

import ctypes
import socket
import struct
from collections.abc import Sequence

from parley_runtime.http.listening import BACKLOG
from parley_runtime.settings import SettingsError
from parley_runtime.telemetry import get_logger

#: From <linux/filter.h> and <asm-generic/socket.h>; Python has no names for them.
_SO_ATTACH_REUSEPORT_CBPF = 51
_LOAD_WORD, _JUMP_IF_AT_LEAST, _RETURN = 0x20, 0x35, 0x06
_RANDOM_NUMBER = 0xFFFFF000 + 56  # SKF_AD_OFF + SKF_AD_RANDOM
_NUMBERS = 1 << 32


class SharedPort:
    """Sockets on one address (SO_REUSEPORT), held here as long as the parent lives.

    So a crashed worker's queue outlives it: who is in it waits a moment for the next worker instead of being refused.
    Raises `SettingsError` when the address cannot be had.
    """

    def __init__(self, address: str, count: int) -> None:
        self.sockets: list[socket.socket] = []
        self._weighed: list[int] = []
        self._weighing = True
        try:
            host, _, port = address.rpartition(":")
            family, _, _, _, place = socket.getaddrinfo(
                host.strip("[]") or None, int(port), type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
            )[0]
            for _ in range(count):
                listener = socket.socket(family, socket.SOCK_STREAM)
                self.sockets.append(listener)
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
                listener.bind(place)
                place = listener.getsockname()  # port 0: all get the one that the first was given
                # In this order: it numbers the sockets for the kernel.
                listener.listen(BACKLOG)
        except (OSError, ValueError, AttributeError) as problem:
            self.close()
            raise SettingsError(f"Cannot listen on {address}: {problem}. Choose another address.") from None

    def weigh(self, weights: Sequence[int]) -> None:
        """Give each socket its share of the connections to come. Where that is not possible, the kernel hashes."""
        if not self._weighing or list(weights) == self._weighed:
            return
        program = share_program(weights)
        code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in program))
        filled = struct.pack("HP", len(program), ctypes.addressof(code))
        try:
            self.sockets[0].setsockopt(socket.SOL_SOCKET, _SO_ATTACH_REUSEPORT_CBPF, filled)
            self._weighed = list(weights)
        except OSError as problem:
            self._weighing = False
            get_logger().warning("workers get connections by hash, not by weight", problem=str(problem))

    def close(self) -> None:
        for listener in self.sockets:
            listener.close()


def share_program(weights: Sequence[int]) -> list[tuple[int, int, int, int]]:
    """Classic BPF (code, jump if true, jump if false, constant) that returns socket i with the share of weight i."""
    total, reached = sum(weights), 0
    program = [(_LOAD_WORD, 0, 0, _RANDOM_NUMBER)]
    for number, weight in enumerate(weights[:-1]):
        reached += weight
        limit = reached * _NUMBERS // total
        if limit >= _NUMBERS:  # the rest gets nothing
            return [*program, (_RETURN, 0, 0, number)]
        program += [(_JUMP_IF_AT_LEAST, 1, 0, limit), (_RETURN, 0, 0, number)]
    return [*program, (_RETURN, 0, 0, len(weights) - 1)]
