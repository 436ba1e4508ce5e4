"""The same bytes to many sockets, past their transports.

Who calls must know that each descriptor is open and its own, and that nothing waits to be sent before these bytes;
what a socket did not take must go to its transport before anything else does (see docs/decisions/0010).
"""

import asyncio
import os
from array import array
from collections.abc import Callable
from typing import TypeAlias

import uvloop

#: (descriptors, data) to (place, bytes taken) of each socket that did not take all. Never waits, never raises: a socket
#: with an error takes nothing, and its transport will find the error.
SendToAll: TypeAlias = Callable[["array[int]", bytes], list[tuple[int, int]]]


def descriptor_of(transport: asyncio.Transport) -> int:
    """Where bytes can be sent past the transport; -1 where they cannot.

    Only uvloop's own TCP transport is known to say exactly whether it holds unsent bytes, and to be closing before its
    descriptor is closed. Others (TLS above all) might change the bytes, or keep them where they do not tell.
    """
    if type(transport) is not uvloop.loop.TCPTransport:  # type: ignore[attr-defined] # its stubs leave this one out
        return -1
    descriptor: int = transport.get_extra_info("socket").fileno()
    return descriptor


def send_to_all(descriptors: "array[int]", data: bytes) -> list[tuple[int, int]]:
    """`SendToAll`."""
    write, size, incomplete = os.write, len(data), []
    for place, descriptor in enumerate(descriptors):
        try:
            sent = write(descriptor, data)
        except OSError:
            sent = 0
        if sent != size:
            incomplete.append((place, sent))
    return incomplete
