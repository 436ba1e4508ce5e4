"""Which records of one run go on the stream now.

Billing deletes an entry from the stream after its commit, so a record that is neither confirmed nor on the stream
was lost by Redis and goes again; one that still is on the stream waits for billing and does not. So each record is on
the stream about once, and a day without billing fills neither Redis nor memory.
"""

from dataclasses import dataclass

#: Records of one run on the stream at once. Two gateways' seconds of work for billing; a few MB of Redis.
WINDOW = 500
#: Seconds without confirmation after which it is asked whether a record still is on the stream.
DOUBT_AFTER = 5.0


@dataclass(slots=True)
class _Sent:
    entry: str
    asked: float


class ResendWindow:
    """The records of one run that are on the stream, by number. Times are seconds of a steady clock."""

    def __init__(self) -> None:
        self._sent: dict[int, _Sent] = {}

    def due(self, first: int, last: int, most: int) -> list[int]:
        """At most `most` numbers to send now, of the unconfirmed ones `first` to `last`; lowest first."""
        due: list[int] = []
        for number in range(first, min(last, first + WINDOW - 1) + 1):
            if len(due) == most:
                break
            if number not in self._sent:
                due.append(number)
        return due

    def full(self, first: int, last: int) -> bool:
        """Whether more is to be sent than the window takes: the next confirmation is awaited."""
        return last - first >= WINDOW

    def sent(self, number: int, entry: str, now: float) -> None:
        """The record is on the stream, as `entry`."""
        self._sent[number] = _Sent(entry, now)

    def doubtful(self, now: float) -> dict[int, str]:
        """Number → entry of those to look for on the stream."""
        return {number: sent.entry for number, sent in self._sent.items() if now - sent.asked >= DOUBT_AFTER}

    def found(self, number: int, now: float) -> None:
        """It still is on the stream: billing has not come to it."""
        if (sent := self._sent.get(number)) is not None:
            sent.asked = now

    def lost(self, number: int) -> None:
        """It is not on the stream: it goes again, unless it is confirmed by then."""
        self._sent.pop(number, None)

    def confirmed(self, number: int) -> None:
        """This number and all before it are in the ledger."""
        for known in [known for known in self._sent if known <= number]:
            del self._sent[known]
