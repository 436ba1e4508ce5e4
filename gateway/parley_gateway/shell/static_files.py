"""The widget's files, as `make widget` builds them."""

import gzip
import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from aiohttp import web

from parley.errors import Refusal
from parley_gateway.shell.http_api import accepts_gzip

#: Where the build puts them.
STATIC = Path(__file__).parents[1] / "static"

HEADERS = {
    # The address stays the same from release to release, so a browser must ask again soon; a 304 costs it little.
    "Cache-Control": "public, max-age=300, stale-while-revalidate=86400",
    "Content-Type": "text/javascript; charset=utf-8",
    # Sites that isolate themselves (COEP) may embed it too.
    "Cross-Origin-Resource-Policy": "cross-origin",
    # Modules, and scripts with an integrity, are asked for in this mode; there is nothing in them to protect.
    "Access-Control-Allow-Origin": "*",
    "Vary": "Accept-Encoding",
}
#: A part's name has the digest of its content: another content is another address.
PART_HEADERS = HEADERS | {"Cache-Control": "public, max-age=31536000, immutable"}
_PART = re.compile(r"[\w-]{1,64}-\w{16}\.mjs")


class _Built(NamedTuple):
    """A file's content in both encodings, with what tells whether it was built anew."""

    version: tuple[int, int]
    plain: bytes
    gzipped: bytes
    digest: str


class StaticFile:
    """One file, read when first asked for, and again after it was built anew."""

    def __init__(self, path: Path, headers: Mapping[str, str] = HEADERS) -> None:
        self._path = path
        self._headers = headers
        self._built: _Built | None = None

    async def serve(self, request: web.Request) -> web.Response:
        """The file, gzipped for who takes that; 304 when the client has it; 503 when it is not built."""
        built = self._read()
        gzipped = accepts_gzip(request)
        # A strong ETag stands for exact bytes, so each encoding has its own.
        headers = {**self._headers, "ETag": f'"{built.digest}{"-gzip" if gzipped else ""}"'}
        if gzipped:
            headers["Content-Encoding"] = "gzip"
        known = {tag.value for tag in request.if_none_match or ()}
        if known & {"*", built.digest, f"{built.digest}-gzip"}:
            headers.pop("Content-Encoding", None)
            return web.Response(status=304, headers=headers)
        return web.Response(body=built.gzipped if gzipped else built.plain, headers=headers)

    def _read(self) -> _Built:
        try:
            stat = self._path.stat()
            version = (stat.st_mtime_ns, stat.st_size)
            if self._built is None or self._built.version != version:
                plain = self._path.read_bytes()
                packed = gzip.compress(plain, 9, mtime=0)
                self._built = _Built(version, plain, packed, hashlib.sha256(plain).hexdigest()[:32])
        except OSError:
            raise Refusal(
                "unavailable", "The widget is not built here.", help="Run `make widget`, then ask again."
            ) from None
        return self._built


class Parts:
    """What the widget fetches when it is first needed: languages, and parts that few readers use."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._files: dict[str, StaticFile] = {}

    async def serve(self, request: web.Request) -> web.Response:
        """The file, to be kept for ever; 404 for what this build does not have."""
        name = request.match_info["name"]
        path = self._directory / name
        if _PART.fullmatch(name) is None or not path.is_file():
            self._files.pop(name, None)
            raise web.HTTPNotFound(headers={"Cache-Control": "no-store", "Access-Control-Allow-Origin": "*"})
        return await self._files.setdefault(name, StaticFile(path, PART_HEADERS)).serve(request)


def static_routes(directory: Path = STATIC) -> list[web.RouteDef]:
    """`/v1/parley.js` for a script tag, `/v1/parley.mjs` for an import, and the parts of both below `/v1/parley/`."""
    whole = [web.get(f"/v1/{name}", StaticFile(directory / name).serve) for name in ("parley.js", "parley.mjs")]
    return [*whole, web.get("/v1/parley/{name}", Parts(directory / "parley").serve)]
