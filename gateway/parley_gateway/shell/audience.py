"""Who is on a page, in groups of subscribers that are written and counted alike."""

from array import array
from collections.abc import Iterable, Iterator, Sequence

from parley_gateway.core.meter import Counter
from parley_gateway.shell.subscriber import DirectSubscriber, Subscriber, is_direct


class Part:
    """Some subscribers that share a counter."""

    __slots__ = ("counter", "subscribers")

    def __init__(self, counter: Counter, subscribers: Sequence[Subscriber]) -> None:
        self.counter = counter
        self.subscribers = subscribers

    def between(self, first: int, until: int) -> "Part":
        """Those from the `first` to before the one at `until`."""
        return Part(self.counter, self.subscribers[first:until])


class DirectPart(Part):
    """`descriptors`: where frames may be written past the subscribers, in the same order."""

    __slots__ = ("descriptors",)
    subscribers: Sequence[DirectSubscriber]

    def __init__(
        self, counter: Counter, subscribers: Sequence[DirectSubscriber], descriptors: "array[int] | None" = None
    ) -> None:
        super().__init__(counter, subscribers)
        if descriptors is None:
            descriptors = array("i", [one.descriptor for one in subscribers])
        self.descriptors = descriptors

    def between(self, first: int, until: int) -> "DirectPart":
        return DirectPart(self.counter, self.subscribers[first:until], self.descriptors[first:until])


class Audience:
    """The subscribers of one moment. Made when it is needed, and true until its page regroups."""

    __slots__ = ("_groups",)

    def __init__(self, subscribers: Iterable[Subscriber]) -> None:
        direct: dict[int, list[DirectSubscriber]] = {}
        other: dict[int, list[Subscriber]] = {}
        for subscriber in subscribers:
            if is_direct(subscriber):
                direct.setdefault(id(subscriber.counter), []).append(subscriber)
            else:
                other.setdefault(id(subscriber.counter), []).append(subscriber)
        self._groups: list[Part] = [DirectPart(group[0].counter, group) for group in direct.values()]
        self._groups += [Part(group[0].counter, group) for group in other.values()]

    def slices(self, most: int) -> Iterator[list[Part]]:
        """All of them, at most `most` subscribers in each slice."""
        parts: list[Part] = []
        left = most
        for group in self._groups:
            first = 0
            while first < len(group.subscribers):
                until = first + left
                part = group.between(first, until)
                parts.append(part)
                first += len(part.subscribers)
                left -= len(part.subscribers)
                if not left:
                    yield parts
                    parts, left = [], most
        if parts:
            yield parts
