"""Who asks over HTTP, what for, and how often: everything that is decided before the page is looked at."""

import asyncio
import re
from dataclasses import dataclass

from aiohttp import web
from aiohttp.web_exceptions import HTTPRequestEntityTooLarge

from parley import limits
from parley.claims import Claims
from parley.client_frames import Since
from parley.errors import BadInput, Limited, NotAllowed
from parley.pages import decode_page
from parley_gateway.core.meter import Counter
from parley_gateway.core.operation import check_uuid
from parley_gateway.core.rates import Rates
from parley_gateway.core.session import OPERATION_BURST, TYPING_BURST, TYPING_RATE
from parley_gateway.shell.gateway import Gateway
from parley_runtime.http.bearer import bearer

#: Seconds for a body, which is small: longer, somebody holds the connection on purpose. The answer is `bad-frame`.
BODY_WAIT = 10.0
#: Seconds' worth of requests that may come at once.
READ_BURST = 2
_NUMBER = re.compile(r"[0-9]{1,16}")


@dataclass(frozen=True, slots=True)
class Caller:
    """A request that may go on. `site` is the verified Origin, or "". `client`: the widget that asks, as in `hello`;
    "" when it does not say."""

    claims: Claims
    page: str
    site: str
    counter: Counter
    client: str


class HttpAccess:
    """Admission of HTTP requests."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._reads: Rates[tuple[str, str]] = Rates(READ_BURST)
        self._writes: Rates[tuple[str, str]] = Rates(OPERATION_BURST)
        self._typings: Rates[tuple[str, str]] = Rates(TYPING_BURST / TYPING_RATE)

    def reader(self, request: web.Request) -> Caller:
        """Somebody who may see the page in the path. Raises `Refusal`."""
        caller = self._caller(request)
        if not caller.claims.may_open(caller.page):
            raise NotAllowed("forbidden", "Your token does not cover this page.")
        self._take(self._reads, caller.claims, limits.FRAMES_PER_CONNECTION, "Too many requests.")
        return caller

    def writer(self, request: web.Request) -> Caller:
        """Somebody who asks for a change; whether they may is decided with the operation. Raises `Refusal`."""
        caller = self._caller(request)
        self._take(self._writes, caller.claims, limits.OPERATIONS_PER_CONNECTION, "Too many operations.")
        return caller

    def typist(self, caller: Caller) -> bool:
        """Whether to pass on that the caller is writing; as on a socket, too many are dropped without a word."""
        key = caller.claims.tenant, caller.claims.reader
        return not self._typings.take(key, TYPING_RATE, self._gateway.clock.monotonic())

    def anybody(self, request: web.Request) -> Claims:
        """Somebody with a valid token, whatever pages it covers. Raises `Refusal`."""
        claims = self._verify(request)
        self._take(self._reads, claims, limits.FRAMES_PER_CONNECTION, "Too many requests.")
        return claims

    def _verify(self, request: web.Request) -> Claims:
        return self._gateway.admission.verify(bearer(request), request.headers.get("Origin"))

    def _caller(self, request: web.Request) -> Caller:
        gateway = self._gateway
        origin = request.headers.get("Origin")
        claims = self._verify(request)
        page = decode_page(request.match_info["page"])
        client = request.query.get("client", "")
        if client:
            client = check_uuid(client, "client")
        site = origin or ""
        return Caller(claims, page, site, gateway.counter(claims.tenant, site), client)

    def _take(self, rates: Rates[tuple[str, str]], claims: Claims, limit: limits.Limit, message: str) -> None:
        if wait := rates.take((claims.tenant, claims.reader), limit.default, self._gateway.clock.monotonic()):
            raise Limited("over-limit", message, retry_in_ms=wait)


def number(request: web.Request, name: str, default: int | None = None) -> int:
    """A whole number from the query. Raises `bad-field`."""
    text = request.query.get(name)
    if text is None and default is not None:
        return default
    if text is None or _NUMBER.fullmatch(text) is None or int(text) >= 2**53:
        raise BadInput("bad-field", f"`{name}` must be a whole number, 0 or more.")
    return int(text)


def cursor(request: web.Request) -> Since | None:
    """`epoch` and `seq` of the query, or None without (or with empty) ones. Raises `bad-field`."""
    epoch = request.query.get("epoch")
    if not epoch:
        if request.query.get("seq"):
            raise BadInput("bad-field", "`seq` says nothing without `epoch`.")
        return None
    return Since(epoch, number(request, "seq"))


async def body(request: web.Request) -> bytes:
    """The body without its content-encoding. Raises `too-big`, or `bad-frame` when it is late or cannot be decoded."""
    try:
        async with asyncio.timeout(BODY_WAIT):
            return await request.read()
    except TimeoutError:
        raise BadInput("bad-frame", f"The body did not arrive within {BODY_WAIT:.0f} seconds.") from None
    except HTTPRequestEntityTooLarge:
        raise BadInput("too-big", f"The body is larger than {limits.FRAME.default} bytes.") from None
    except (web.RequestPayloadError, ValueError):
        raise BadInput("bad-frame", "The body does not have the encoding that it claims.") from None
