"""Every limit of the realtime plane, once: its unit, why this value, and what happens when it is reached.

A tenant's registry record may lower or raise those marked *per tenant*; the rest hold for everybody.
"""

from dataclasses import dataclass
from typing import Literal

Unit = Literal["bytes", "characters", "count", "per second", "milliseconds", "seconds"]


@dataclass(frozen=True, slots=True)
class Limit:
    """One limit. `answer` says what a client sees when it is reached."""

    name: str
    default: int
    unit: Unit
    reason: str
    answer: str
    per_tenant: bool = False


FRAME = Limit(
    "frame",
    65_536,
    "bytes",
    "One frame never holds a gateway's loop for more than a few milliseconds.",
    "The socket closes with 4413; over HTTP the answer is 413 `too-big`.",
)
REQUEST_HEAD = Limit(
    "requestHead",
    32_768,
    "bytes",
    "A token, cookies and what proxies add, with room; every request is parsed before anybody is known.",
    "413 `too-big`, or 400 for a single line over 8 190 bytes or more than 64 lines.",
)
PAGE_NAME = Limit(
    "pageName", 512, "bytes", "A page is usually a URL; it is part of keys and of every frame.", "`bad-field`"
)
TEXT = Limit(
    "text",
    16_384,
    "bytes",
    "Several screens of prose; far above any comment seen in practice.",
    "`too-big`; nothing was changed.",
)
QUOTE = Limit(
    "quote",
    256,
    "characters",
    "Beyond this a quote carries head, tail and length: more adds bytes, not certainty.",
    "A whole quote is shortened so; with a `tail` beside it, `bad-field`.",
)
CONTEXT = Limit(
    "context", 256, "characters", "Context of 64–128 characters finds a quote again after edits.", "`bad-field`"
)
HINT = Limit("hint", 1_024, "bytes", "A structural path into the document, never content.", "`bad-field`")
EMOJI = Limit("emoji", 32, "bytes", "The longest family emoji sequences are 25–28 bytes.", "`bad-field`")
NAME = Limit("name", 200, "characters", "A display name is one line.", "The token is refused: `token-invalid`.")
NESTING = Limit("nesting", 16, "count", "The deepest valid frame has 5 levels.", "`bad-frame`")
TOKEN = Limit("token", 8_192, "bytes", "Larger than any sensible set of claims.", "`token-invalid`")
READER_ID = Limit(
    "readerId", 200, "bytes", "The token's `sub`: an id, not a document; part of keys in Redis.", "`token-invalid`"
)
AVATAR = Limit(
    "avatar",
    1_024,
    "bytes",
    "An address of a picture; it travels with everything its reader writes.",
    "`token-invalid`",
)
PATTERNS = Limit("patterns", 50, "count", "Page patterns in one token; each is tried at each join.", "`token-invalid`")
PATTERN = Limit("pattern", 512, "bytes", "As long as the longest page.", "`token-invalid`")
TOKEN_LIFE = Limit("tokenLife", 86_400, "seconds", "A leaked token must die by itself within a day.", "`token-invalid`")
HELLO_WAIT = Limit(
    "helloWait",
    10_000,
    "milliseconds",
    "A socket without a tenant costs us and nobody pays.",
    "The socket closes with 4408.",
)
CONNECTIONS = Limit(
    "connections",
    20_000,
    "count",
    "Open sockets and streams of one tenant on one gateway.",
    "The new one closes with 4429 and `retryInMs`.",
    per_tenant=True,
)
PAGES_PER_CONNECTION = Limit(
    "pagesPerConnection", 50, "count", "A tab shows one page; an app, a few.", "`over-limit` for that join."
)
OPERATIONS_PER_CONNECTION = Limit(
    "operationsPerConnection",
    20,
    "per second",
    "A person types at most a few; a burst of four seconds' worth replays an outbox.",
    "`over-limit` with `retryInMs`; nothing was changed.",
)
OPERATIONS_PER_READER = Limit(
    "operationsPerReader",
    200,
    "per second",
    "All tabs and scripts of one reader on one gateway: no reader uses up what the tenant's others have.",
    "`over-limit` with `retryInMs`; nothing was changed.",
    per_tenant=True,
)
OPERATIONS_PER_TENANT = Limit(
    "operationsPerTenant",
    2_000,
    "per second",
    "One tenant's burst must leave the commit lanes free for others.",
    "`over-limit` with `retryInMs`; nothing was changed.",
    per_tenant=True,
)
THROTTLED_OPERATIONS = Limit(
    "throttledOperations",
    2,
    "per second",
    "A tenant that has used up a budget that slows it down can still moderate, and its readers can still say a word.",
    "`over-limit` with `retryInMs`; nothing was changed.",
    per_tenant=True,
)
BAD_FRAMES = Limit(
    "badFrames",
    20,
    "count",
    "Bad frames in ten seconds: a broken client, or an attack.",
    "The socket closes with 4429.",
)
FRAMES_PER_CONNECTION = Limit(
    "framesPerConnection",
    200,
    "per second",
    "Messages, pings, pongs and fragments together; above this the client loops.",
    "The socket closes with 4429.",
)
CHATS_PER_PAGE = Limit(
    "chatsPerPage",
    5_000,
    "count",
    "A snapshot must stay a few megabytes.",
    "`over-limit`: delete discussions, or ask the operator to raise it.",
    per_tenant=True,
)
COMMENTS_PER_CHAT = Limit(
    "commentsPerChat",
    2_000,
    "count",
    "A chat is sent whole when it changed.",
    "`over-limit`: start another discussion.",
    per_tenant=True,
)
REACTIONS_PER_COMMENT = Limit("reactionsPerComment", 50, "count", "Different emoji on one comment.", "`over-limit`")
REACTORS_SHOWN = Limit(
    "reactorsShown",
    50,
    "count",
    "Readers listed per emoji; the wire says at most 50.",
    "Later reactors are stored and not listed.",
)
SEND_BUFFER = Limit(
    "sendBuffer",
    262_144,
    "bytes",
    "What may wait unsent for one socket.",
    "The client is marked slow: no more events, one `resync` when it has drained.",
)
SLOW_GRACE = Limit(
    "slowGrace", 20_000, "milliseconds", "How long a slow client may take to drain.", "The socket closes with 4409."
)
LONG_POLL = Limit(
    "longPoll",
    30_000,
    "milliseconds",
    "Proxies cut quiet requests after 30 to 60 s.",
    "`waitMs` is lowered to it; the answer comes then, possibly without changes.",
)
CHAT_PART = Limit(
    "chatPart",
    32_768,
    "bytes",
    "The share of one chat that a single `page` frame carries.",
    "The chat continues in entries with `cont`.",
)

BULK_OPERATIONS = Limit(
    "bulkOperations",
    500,
    "count",
    "Operations in one request of a tenant's server: a few shared transactions.",
    "`too-big`; nothing was changed.",
)
BULK_BODY = Limit(
    "bulkBody",
    2_097_152,
    "bytes",
    "The body of such a request, which is held whole.",
    "`too-big`; nothing was changed.",
)
SERVER_REQUESTS = Limit(
    "serverRequests",
    4,
    "count",
    "Requests of one tenant's server API that one gateway answers at the same time: each may hold a connection to the "
    "database for long.",
    "`over-limit` with `retryInMs`; nothing was changed.",
)

SITE_NAME = Limit(
    "siteName",
    300,
    "characters",
    "An origin: scheme, a host name of at most 253, a port.",
    'Its usage counts under the site "".',
)
SITES_PER_TENANT = Limit(
    "sitesPerTenant",
    100,
    "count",
    "Sites of one tenant that one gateway tells apart in one minute; `*.` origins could make any number.",
    'Further sites of that minute count under the site "".',
)
OPEN_SUMS = Limit(
    "openSums",
    250_000,
    "count",
    "Usage sums that one gateway holds unsealed; only reached with neither disk nor billing for long.",
    "What would need a further sum is not counted, in the tenant's favour, and a metric says how much.",
)

ALL: tuple[Limit, ...] = tuple(value for value in list(globals().values()) if isinstance(value, Limit))
