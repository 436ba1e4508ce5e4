"""Page names and where a page lives on the bus."""

import base64
import binascii
import hashlib

from parley import limits
from parley.errors import BadInput

#: Partition streams. Fixed for the life of an installation: every gateway must agree.
PARTITIONS = 64


def check_page(page: str) -> str:
    """The page name itself, or `bad-field`: 1–512 bytes of UTF-8 without NUL."""
    try:
        size = len(page.encode())
    except UnicodeEncodeError:  # lone surrogates
        size = 0
    if not 1 <= size <= limits.PAGE_NAME.default or "\0" in page:
        raise BadInput("bad-field", "`page` must be 1 to 512 bytes of UTF-8 without NUL.")
    return page


def page_key(tenant: str, page: str) -> str:
    """A short stand-in for (tenant, page) in key names: 32 hex digits."""
    return hashlib.blake2b(f"{tenant}\0{page}".encode(), digest_size=16).hexdigest()


def partition_of(tenant: str, page: str) -> int:
    """The partition stream of a page: 0 … `PARTITIONS` - 1."""
    digest = hashlib.blake2b(f"{tenant}\0{page}".encode(), digest_size=4).digest()
    return int.from_bytes(digest, "big") % PARTITIONS


def decode_page(segment: str) -> str:
    """A page out of an HTTP path: base64url without padding. Raises `BadInput`."""
    try:
        raw = base64.b64decode(segment + "=" * (-len(segment) % 4), altchars=b"-_", validate=True)
        page = check_page(raw.decode())
        if encode_page(page) != segment:
            raise ValueError("padded, or not canonical: one page would have several addresses")
        return page
    except (binascii.Error, UnicodeDecodeError, ValueError):
        raise BadInput("bad-field", "The page in the path must be base64url of UTF-8, without padding.") from None


def encode_page(page: str) -> str:
    """base64url without padding."""
    return base64.urlsafe_b64encode(page.encode()).rstrip(b"=").decode()
