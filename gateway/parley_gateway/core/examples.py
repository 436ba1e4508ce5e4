"""One example of each frame, as the documents show them. A test parses every one."""

from typing import Any, Final

PAGE: Final = "https://acme.test/post/7"
EPOCH: Final = "73915f02"
CHAT: Final = "91aa2f0e-5a0c-4c38-9d0e-0a8f5b3f7a11"
COMMENT: Final = "4f0e7c55-8c57-4c0e-8f2e-3d2f9a1b6c22"
OTHER: Final = "c2d9a1f4-11d7-4a52-b0b7-6f7e8d9c0a33"
CLIENT: Final = "0b6c1e0a-7d43-4b0f-9a4e-1f2d3c4b5a66"
TOKEN: Final = "<a JWT that your server signed>"  # noqa: S105 - none

ANCHOR: Final[dict[str, Any]] = {
    "quote": {"exact": "a sentence of the page", "prefix": "This is ", "suffix": " that somebody doubts."},
    "position": {"start": 1204, "end": 1226},
}
ANN: Final = {"id": "u1", "name": "Ann"}
BO: Final = {"id": "u2", "name": "Bo", "avatar": "https://acme.test/bo.png"}
WHOLE_CHAT: Final[dict[str, Any]] = {
    "id": CHAT,
    "seq": 43,
    "state": "open",
    "anchor": ANCHOR,
    "by": ANN,
    "at": 1795427202000,
    "comments": [{"text": "Why?"}, {"id": COMMENT, "by": BO, "at": 1795427209000, "text": "I agree"}],
}

#: op → the `do` frame.
OPERATIONS: Final[dict[str, dict[str, Any]]] = {
    "new-chat": {"broadcastId": CHAT, "op": "new-chat", "anchor": ANCHOR, "text": "Why?"},
    "reply": {"broadcastId": COMMENT, "op": "reply", "chat": CHAT, "text": "I agree"},
    "edit": {"broadcastId": OTHER, "op": "edit", "chat": CHAT, "comment": COMMENT, "text": "I quite agree"},
    "remove-comment": {"broadcastId": OTHER, "op": "remove-comment", "chat": CHAT, "comment": COMMENT},
    "resolve": {"broadcastId": OTHER, "op": "resolve", "chat": CHAT},
    "reopen": {"broadcastId": OTHER, "op": "reopen", "chat": CHAT},
    "relink": {"broadcastId": OTHER, "op": "relink", "chat": CHAT, "anchor": ANCHOR},
    "react": {"broadcastId": OTHER, "op": "react", "chat": CHAT, "comment": COMMENT, "emoji": "👍", "on": True},
    "delete-chat": {"broadcastId": OTHER, "op": "delete-chat", "chat": CHAT},
    "hide-chat": {"broadcastId": OTHER, "op": "hide-chat", "chat": CHAT},
    "unhide-chat": {"broadcastId": OTHER, "op": "unhide-chat", "chat": CHAT},
}

#: `t` → frames from a client.
CLIENT_FRAMES: Final[dict[str, list[dict[str, Any]]]] = {
    "hello": [{"t": "hello", "v": 1, "token": TOKEN, "client": CLIENT}],
    "join": [
        {"t": "join", "page": PAGE},
        {"t": "join", "page": PAGE, "since": {"epoch": EPOCH, "seq": 41}},
    ],
    "leave": [{"t": "leave", "page": PAGE}],
    "do": [{"t": "do", "page": PAGE, **operation} for operation in OPERATIONS.values()],
    "typing": [{"t": "typing", "page": PAGE, "chat": CHAT}],
    "renew": [{"t": "renew", "token": TOKEN}],
    "ping": [{"t": "ping"}],
}

PAGE_FRAME: Final[dict[str, Any]] = {
    "t": "page",
    "page": PAGE,
    "epoch": EPOCH,
    "seq": 43,
    "kind": "changes",
    "chats": [WHOLE_CHAT],
    "gone": [OTHER],
    "readers": 2,
}
ACK: Final[dict[str, Any]] = {"t": "ack", "broadcastId": COMMENT, "page": PAGE, "seq": 43}

#: `t` → frames from a gateway.
SERVER_FRAMES: Final[dict[str, list[dict[str, Any]]]] = {
    "welcome": [
        {
            "t": "welcome",
            "v": 1,
            "tenant": "acme",
            "reader": {**ANN, "role": "commenter"},
            "limits": {"frame": 65536, "text": 16384},
            "renewInMs": 3540000,
        }
    ],
    "page": [PAGE_FRAME],
    "live": [
        {
            "t": "live",
            "page": PAGE,
            "epoch": EPOCH,
            "after": 42,
            "seq": 43,
            "events": [{"event": "new-text-chat", "seq": 43, "broadcastId": CHAT, "chat": WHOLE_CHAT}],
        },
        {
            "t": "live",
            "page": PAGE,
            "epoch": EPOCH,
            "after": 43,
            "seq": 45,
            "events": [
                {
                    "event": "updated-text-chat",
                    "seq": 45,
                    "broadcastId": OTHER,
                    "chat": {"id": CHAT, "seq": 45, "comment": {"id": COMMENT, "deleted": True}},
                    "merged": [COMMENT],
                }
            ],
        },
        {
            "t": "live",
            "page": PAGE,
            "epoch": EPOCH,
            "after": 45,
            "seq": 46,
            "events": [
                {"event": "deleted-text-chat", "seq": 46, "broadcastId": OTHER, "chat": {"id": CHAT, "seq": 46}}
            ],
        },
    ],
    "presence": [{"t": "presence", "page": PAGE, "readers": 3}],
    "ack": [ACK],
    "error": [
        {
            "t": "error",
            "code": "unknown-chat",
            "message": "This discussion no longer exists.",
            "help": "Reload the page's discussions.",
            "broadcastId": OTHER,
            "page": PAGE,
        }
    ],
    "resync": [{"t": "resync", "page": PAGE, "why": "slow"}],
    "move": [{"t": "move", "withinMs": 14000}],
    "renew": [{"t": "renew", "withinMs": 60000}],
    "typing": [{"t": "typing", "page": PAGE, "chat": CHAT, "reader": "u2"}],
    "pong": [{"t": "pong"}],
}
