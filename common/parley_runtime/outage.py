"""A dependency that does not answer, as one loop sees it: said once when it begins and once when it is over.

So a log stays small however long a dependency is away, and whoever reads it finds both ends.
"""

from typing import Any

from redis.exceptions import RedisError

from parley_runtime.database import FAULTS
from parley_runtime.telemetry import get_logger

#: What Redis looks like when it is away. uvloop says RuntimeError of a transport that has been closed meanwhile, and
#: redis-py passes that on.
REDIS_AWAY: tuple[type[BaseException], ...] = (RedisError, OSError, TimeoutError, RuntimeError)
#: What a dependency that is away looks like.
AWAY: tuple[type[BaseException], ...] = (*FAULTS, RedisError)


class Outage:
    """Whether something fails at the moment. `what` is what the log says while it does."""

    def __init__(self, what: str, **details: Any) -> None:
        self._what = what
        self._details = details
        self._kinds: set[type[BaseException]] = set()

    def began(self, problem: BaseException) -> bool:
        """It failed. True when it had not failed before. Said again only when it fails in another way.

        What no outage explains is a fault of ours, and comes with its trace.
        """
        first, kind = not self._kinds, type(problem)
        if kind not in self._kinds:
            self._kinds.add(kind)
            trace = None if isinstance(problem, AWAY) else problem
            get_logger().warning(self._what, problem=kind.__name__, exc_info=trace, **self._details)
        return first

    def over(self) -> bool:
        """It works. True when it had failed before."""
        if not self._kinds:
            return False
        self._kinds.clear()
        get_logger().info(f"{self._what}: over", **self._details)
        return True
