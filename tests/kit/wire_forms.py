"""The gateway's frames and codes, as the protocol's tables list them."""

MOST_BYTES = 65_536

#: kind of frame → (members that it must have, members that it may have)
FORMS: dict[str, tuple[set[str], set[str]]] = {
    "welcome": ({"v", "tenant", "reader", "limits", "renewInMs"}, set()),
    "page": ({"page", "epoch", "seq", "kind", "chats", "gone", "readers"}, {"more"}),
    "live": ({"page", "epoch", "after", "seq", "events"}, set()),
    "presence": ({"page", "readers"}, set()),
    "ack": ({"broadcastId", "page", "seq"}, set()),
    "error": ({"code", "message", "help"}, {"broadcastId", "page", "retryInMs"}),
    "resync": ({"page", "why"}, set()),
    "move": ({"withinMs"}, set()),
    "renew": ({"withinMs"}, set()),
    "typing": ({"page", "chat", "reader"}, set()),
    "pong": (set(), set()),
}
CODES = frozenset(
    {
        "bad-frame",
        "bad-field",
        "unknown-op",
        "too-big",
        "forbidden",
        "origin-refused",
        "unknown-chat",
        "unknown-comment",
        "use-delete-chat",
        "id-reused",
        "over-limit",
        "over-quota",
        "suspended",
        "banned",
        "token-invalid",
        "token-expired",
        "renew-mismatch",
        "unavailable",
        "internal",
    }
)
#: These end a connection, so they stand in the close reason (and in an error frame before it).
CLOSING_CODES = CODES | {"hello-timeout", "too-slow"}
