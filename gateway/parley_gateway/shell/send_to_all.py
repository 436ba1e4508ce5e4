"""The same bytes to many sockets, past their transports: in C where it was built, in Python elsewhere.

Who calls must know that each descriptor is open and its own, and that nothing waits to be sent before these bytes;
what a socket did not take must go to its transport before anything else does (see docs/decisions/0010).
"""

import asyncio
import ctypes
import os
from array import array
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import uvloop

#: (descriptors as C ints, data) to (place, bytes taken) of each socket that did not take all. Never waits, never
#: raises: a socket with an error takes nothing, and its transport will find the error.
SendToAll: TypeAlias = Callable[["array[int]", bytes], list[tuple[int, int]]]

LIBRARY = Path(__file__).with_name("libsend_to_all.so")


def descriptor_of(transport: asyncio.Transport) -> int:
    """Where bytes can be sent past the transport; -1 where they cannot.

    Only uvloop's own TCP transport is known to say exactly whether it holds unsent bytes, and to be closing before its
    descriptor is closed. Others (TLS above all) might change the bytes, or keep them where they do not tell.
    """
    if type(transport) is not uvloop.loop.TCPTransport:  # type: ignore[attr-defined] # its stubs leave this one out
        return -1
    descriptor: int = transport.get_extra_info("socket").fileno()
    return descriptor


def send_to_all_in_python(descriptors: "array[int]", data: bytes) -> list[tuple[int, int]]:
    """`SendToAll` without a compiler."""
    write, size, incomplete = os.write, len(data), []
    for place, descriptor in enumerate(descriptors):
        try:
            sent = write(descriptor, data)
        except OSError:
            sent = 0
        if sent != size:
            incomplete.append((place, sent))
    return incomplete


def _in_c(library: ctypes.CDLL) -> SendToAll:
    call = library.parley_send_to_all
    pointer = ctypes.c_void_p
    call.argtypes = [pointer, ctypes.c_int, ctypes.c_char_p, ctypes.c_size_t, pointer, pointer]
    call.restype = ctypes.c_int

    def send_to_all(descriptors: "array[int]", data: bytes) -> list[tuple[int, int]]:
        address, count = descriptors.buffer_info()
        room = ctypes.c_int * count
        places, taken = room(), room()
        incomplete = call(address, count, data, len(data), places, taken)
        return list(zip(places[:incomplete], taken[:incomplete], strict=True)) if incomplete else []

    return send_to_all


def best_send_to_all() -> SendToAll:
    """The one in C when it was built and can be loaded, else the one in Python."""
    try:
        return _in_c(ctypes.CDLL(str(LIBRARY)))
    except OSError:
        return send_to_all_in_python
