"""Members of operations, as a widget would send them."""

from kit.wire_page import Json


def anchor(exact: str = "a piece of text", prefix: str = "before ", suffix: str = " after") -> Json:
    """An anchor on `exact`."""
    return {
        "quote": {"exact": exact, "prefix": prefix, "suffix": suffix},
        "position": {"start": 120, "end": 120 + len(exact)},
    }
