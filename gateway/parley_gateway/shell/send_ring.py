"""`SendToAll` by io_uring: one system call for a whole slice of sockets (Linux 5.18 or later, where it is allowed).

Without a helper in C: what the kernel reads and writes is in shared memory, where a slice of a `memoryview` fills one
member of all entries at once. The layout is that of <linux/io_uring.h>, the numbers of the calls are the same on all
machines. Every send is of the kind that never waits, so all are done when the call returns: see docs/decisions/0010.
"""

import ctypes
import errno
import mmap
import os
import struct
import sys
from array import array

from parley_gateway.shell.send_to_all import SendToAll, send_to_all
from parley_runtime.telemetry import get_logger

#: Sends in one call. More descriptors take several.
ENTRIES = 256
#: Descriptors. For fewer the call costs more than it spares; measured, the two are even at 8.
WORTHWHILE = 16
#: Bytes. Longer frames are sent one by one: then the copying counts, not the calls.
LONGEST = 65_536 + 16

_SETUP, _ENTER = 425, 426
_SUBMIT_ALL, _SINGLE_ISSUER, _COOP_TASKRUN = 1 << 7, 1 << 12, 1 << 8
_ENTER_GETEVENTS = 1
_SINGLE_MMAP = 1
_SQES_AT = 0x1000_0000
_SEND = 26
_MSG_DONTWAIT, _MSG_NOSIGNAL = 0x40, 0x4000
#: struct io_uring_params: ten numbers, then the places in the submission ring, then those in the completion ring.
_PARAMS = struct.Struct("10I 8IQ 8IQ")
#: struct io_uring_sqe up to `user_data`: opcode, flags, ioprio, fd, off, addr, len, msg_flags, user_data.
_SQE = struct.Struct("BBHiQQIIQ 24x")
_CQE = struct.Struct("QiI")
#: Places of members, in words of 32 bits: fd and len in a submission of 16 words, res in a completion of 4.
_FD, _LEN, _SQE_WORDS, _RES, _CQE_WORDS = 1, 6, 16, 2, 4

_syscall = ctypes.CDLL(None, use_errno=True).syscall


class SendRing:
    """A ring of one process and thread. Raises `OSError` when made where the kernel or its guard does not have it."""

    def __init__(self) -> None:
        params = bytearray(_PARAMS.size)
        _PARAMS.pack_into(params, 0, 0, 0, _SUBMIT_ALL | _SINGLE_ISSUER | _COOP_TASKRUN, *[0] * 25)
        self._fd = _call(_SETUP, ENTRIES, ctypes.byref(ctypes.c_char.from_buffer(params)))
        try:
            self._map(_PARAMS.unpack(params))
        except BaseException:
            os.close(self._fd)
            raise

    def _map(self, params: tuple[int, ...]) -> None:
        entries, many, _, _, _, features = params[:6]
        if not features & _SINGLE_MMAP:
            raise OSError(errno.ENOSYS, "the kernel's io_uring is too old")
        _, tail, mask, _, _, _, order = params[10:17]
        done_head, done_tail, done_mask, _, _, done = params[19:25]
        size = max(order + entries * 4, done + many * _CQE.size)
        ring = mmap.mmap(self._fd, size, mmap.MAP_SHARED | mmap.MAP_POPULATE, mmap.PROT_READ | mmap.PROT_WRITE)
        sqes = mmap.mmap(
            self._fd,
            entries * _SQE.size,
            mmap.MAP_SHARED | mmap.MAP_POPULATE,
            mmap.PROT_READ | mmap.PROT_WRITE,
            offset=_SQES_AT,
        )
        self._data = mmap.mmap(-1, LONGEST)
        address = ctypes.addressof(ctypes.c_char.from_buffer(self._data))
        for place in range(entries):
            _SQE.pack_into(
                sqes, place * _SQE.size, _SEND, 0, 0, -1, 0, address, 0, _MSG_DONTWAIT | _MSG_NOSIGNAL, place
            )
        words, ring_words = memoryview(sqes).cast("i"), memoryview(ring).cast("I")
        self._words, self._size = words, 0
        self._tail, self._mask = ring_words[tail // 4 : tail // 4 + 1], ring_words[mask // 4]
        self._order = ring_words[order // 4 : order // 4 + entries]
        self._places = memoryview(array("I", range(entries)))
        self._done_head = ring_words[done_head // 4 : done_head // 4 + 1]
        self._done_tail = ring_words[done_tail // 4 : done_tail // 4 + 1]
        self._done_mask = ring_words[done_mask // 4]
        completions = memoryview(ring)[done : done + many * _CQE.size]
        self._done, self._results = completions, completions.cast("i")[_RES::_CQE_WORDS]

    def close(self) -> None:
        """Give the ring back; the mappings go with the object."""
        os.close(self._fd)

    def __call__(self, descriptors: "array[int]", data: bytes) -> list[tuple[int, int]]:
        """`SendToAll`."""
        if len(data) > LONGEST or len(descriptors) < WORTHWHILE:
            return send_to_all(descriptors, data)
        self._data[: len(data)] = data
        if len(data) != self._size:
            self._size = len(data)
            self._words[_LEN::_SQE_WORDS] = array("i", [self._size]) * ENTRIES
        incomplete = []
        for first in range(0, len(descriptors), ENTRIES):
            incomplete += self._send(first, descriptors[first : first + ENTRIES])
        return incomplete

    def _send(self, first: int, descriptors: "array[int]") -> list[tuple[int, int]]:
        many = len(descriptors)
        self._words[_FD : many * _SQE_WORDS : _SQE_WORDS] = descriptors
        begin = self._tail[0] & self._mask
        straight = min(many, len(self._order) - begin)
        self._order[begin : begin + straight] = self._places[:straight]
        self._order[: many - straight] = self._places[straight:many]
        submitted = self._submit(many)
        incomplete = [(first + place, 0) for place in range(submitted, many)]
        head = self._done_head[0]
        begin = head & self._done_mask
        results = self._results[begin : begin + submitted].tolist()
        results += self._results[: submitted - len(results)].tolist()
        if results.count(self._size) != submitted:
            for number, result in enumerate(results):
                if result != self._size:
                    at = (head + number & self._done_mask) * _CQE.size
                    (place, _, _) = _CQE.unpack_from(self._done, at)
                    incomplete.append((first + place, max(result, 0)))
            incomplete.sort()
        self._done_head[0] = head + submitted & 0xFFFF_FFFF
        return incomplete

    def _submit(self, many: int) -> int:
        """How many were sent, or tried: all, unless the kernel has no memory for it. Those are done when it returns."""
        tail, submitted = self._tail[0], 0
        self._tail[0] = tail + many & 0xFFFF_FFFF
        while submitted < many:
            try:
                submitted += _call(_ENTER, self._fd, many - submitted, many, _ENTER_GETEVENTS, None, 0)
            except InterruptedError:
                continue
            except OSError:
                self._tail[0] = tail + submitted & 0xFFFF_FFFF  # the kernel has not looked at the rest
                break
        while (self._done_tail[0] - self._done_head[0] & 0xFFFF_FFFF) < submitted:  # a signal ended the wait
            try:
                _call(_ENTER, self._fd, 0, submitted, _ENTER_GETEVENTS, None, 0)
            except InterruptedError:
                continue
        return submitted


def best_way(allowed: bool) -> SendToAll:
    """The ring where it is `allowed` by the settings and by the kernel, else one call for each socket."""
    if allowed and sys.platform == "linux":  # elsewhere the numbers mean other calls
        try:
            return SendRing()
        except OSError as problem:
            get_logger().info("broadcasts go without io_uring", reason=str(problem))
    return send_to_all


def _call(number: int, *arguments: object) -> int:
    """A system call that libc has no function for. Raises `OSError`."""
    answer: int = _syscall(ctypes.c_long(number), *arguments)
    if answer < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return answer
