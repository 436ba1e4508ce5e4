"""Who is on a page, in groups of subscribers that are written and counted alike."""

from array import array
from collections.abc import Iterable, Iterator

from parley_gateway.core.meter import Counter
from parley_gateway.shell.subscriber import Subscriber


class Part:
    """Some subscribers that share a counter. `descriptors`: where frames may be written, in the same order; or None."""

    __slots__ = ("counter", "descriptors", "subscribers")

    def __init__(self, counter: Counter, subscribers: list[Subscriber], descriptors: "array[int] | None") -> None:
        self.counter = counter
        self.subscribers = subscribers
        self.descriptors = descriptors


class Audience:
    """The subscribers of one moment. Made when it is needed, and true until its page regroups."""

    __slots__ = ("_groups",)

    def __init__(self, subscribers: Iterable[Subscriber]) -> None:
        groups: dict[tuple[int, bool], Part] = {}
        for subscriber in subscribers:
            direct = subscriber.descriptor >= 0
            key = (id(subscriber.counter), direct)
            group = groups.get(key)
            if group is None:
                group = groups[key] = Part(subscriber.counter, [], array("i") if direct else None)
            group.subscribers.append(subscriber)
            if group.descriptors is not None:
                group.descriptors.append(subscriber.descriptor)
        self._groups = list(groups.values())

    def slices(self, most: int) -> Iterator[list[Part]]:
        """All of them, at most `most` subscribers in each slice."""
        parts: list[Part] = []
        left = most
        for group in self._groups:
            first = 0
            while first < len(group.subscribers):
                until = first + left
                subscribers = group.subscribers[first:until]
                descriptors = None if group.descriptors is None else group.descriptors[first:until]
                parts.append(Part(group.counter, subscribers, descriptors))
                first += len(subscribers)
                left -= len(subscribers)
                if not left:
                    yield parts
                    parts, left = [], most
        if parts:
            yield parts
