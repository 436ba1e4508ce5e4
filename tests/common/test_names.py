"""Page names, partitions, page patterns, origins: who is who, and who may."""

import contextlib
import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley.claims import Claims, covers
from parley.errors import BadInput
from parley.pages import PARTITIONS, check_page, decode_page, encode_page, page_key, partition_of
from parley.tenants import NAME, Key, Tenant, decode_tenant, encode_tenant, origin_allowed

#: Written down once: gateways of different versions must agree, or a page would live in two places.
PARTITION_OF = [
    ("acme", "https://acme.test/post/7", 61),
    ("acme", "p", 35),
    ("globex", "p", 42),
    ("acme", "страница", 51),
    ("acme", "😀", 26),
]


@pytest.mark.parametrize(("tenant", "page", "partition"), PARTITION_OF)
def test_a_page_stays_in_its_partition(tenant: str, page: str, partition: int) -> None:
    assert partition_of(tenant, page) == partition


def test_a_pages_key_stays() -> None:
    assert page_key("acme", "p") == "1ea6ee0235aed7538349bf395281cc92"


def test_partitions_are_used_evenly() -> None:
    counts = [0] * PARTITIONS
    for number in range(6_400):
        counts[partition_of("acme", f"https://acme.test/{number}")] += 1
    assert min(counts) > 60 and max(counts) < 150


def test_tenant_and_page_cannot_be_shifted_into_each_other() -> None:
    assert page_key("ab", "c") != page_key("a", "bc")


@pytest.mark.parametrize("page", ["a", " ", "p" * 512, "ж" * 256, "a/../b", "😀", "\n", "\u202e"])
def test_page_name_is_good(page: str) -> None:
    assert check_page(page) == page
    assert decode_page(encode_page(page)) == page


@pytest.mark.parametrize("page", ["", "\0", "a\0", "p" * 513, "ж" * 257, "\ud800"])
def test_page_name_is_bad(page: str) -> None:
    with pytest.raises(BadInput, match="bad-field"):
        check_page(page)


@pytest.mark.parametrize(
    "segment", ["", "YQ==", "YQ=", "YR", "Y", "YQ\n", " YQ", "ab+/", "__8", "AA", "é", "%59Q", "Y.Q"]
)
def test_page_in_an_address_has_one_spelling(segment: str) -> None:
    with pytest.raises(BadInput, match="bad-field"):
        decode_page(segment)


@given(st.text(max_size=80))
def test_any_segment_is_a_page_or_bad_input(segment: str) -> None:
    with contextlib.suppress(BadInput):
        assert encode_page(decode_page(segment)) == segment


COVERS = [
    ("*", "anything/at\nall", True),
    ("a", "a", True),
    ("a", "A", False),
    ("a", "ab", False),
    ("https://acme.test/*", "https://acme.test/", True),
    ("https://acme.test/*", "https://acme.test/a/b?c#d", True),
    ("https://acme.test/*", "https://acmeXtest/a", False),
    ("https://acme.test/*", "https://evil.test/https://acme.test/a", False),
    ("https://acme.test/*", "https://acme.test", False),
    ("*.html", "a/b.html", True),
    ("*.html", "a/b.html\n", False),
    ("a*b*c", "abc", True),
    ("a*b*c", "a-b-b-c", True),
    ("a*b*c", "acb", False),
    ("a*a", "a", False),
    ("ab*ba", "aba", False),
    ("**", "", True),
    ("a**b", "a/b", True),
    (".+", "aa", False),
    (".+", ".+", True),
    ("[ab]", "a", False),
    ("a?", "ab", False),
    ("(a|b)", "a", False),
    ("^a$", "a", False),
    ("\\d", "1", False),
    ("a{2}", "aa", False),
    ("*Ж*", "ёЖё", True),
]


@pytest.mark.parametrize(("pattern", "page", "expected"), COVERS)
def test_page_pattern(pattern: str, page: str, expected: bool) -> None:
    assert covers(pattern, page) is expected
    assert Claims("acme", "u1", "u1", 0, pages=("nothing", pattern)).may_open(page) is expected


@given(st.text(alphabet="ab*", max_size=7), st.text(alphabet="ab", max_size=9))
def test_page_pattern_means_what_the_plain_regex_means(pattern: str, page: str) -> None:
    regex = ".*".join(re.escape(part) for part in pattern.split("*"))
    assert covers(pattern, page) == (re.fullmatch(regex, page, re.DOTALL) is not None)


def test_no_page_pattern_takes_long() -> None:
    started = time.process_time()
    assert not covers("*a" * 256, "a" * 255 + "b" * 257)
    assert not covers("*aab" * 128, "a" * 512)
    assert time.process_time() - started < 0.1


def test_no_pattern_opens_no_page() -> None:
    assert not Claims("acme", "u1", "u1", 0, pages=()).may_open("p")


ORIGINS = {
    "https://acme.test": {
        "https://acme.test": True,
        "HTTPS://ACME.TEST": True,
        "http://acme.test": False,
        "https://acme.test:8443": False,
        "https://acme.test.evil.test": False,
        "https://evil-acme.test": False,
        "https://acme.test@evil.test": False,
        "https://acme.test/": False,
        "https://blog.acme.test": False,
        "https://acme.tést": False,
        "null": False,
        "": False,
    },
    "https://*.acme.test": {
        "https://blog.acme.test": True,
        "https://a.b.acme.test": True,
        "https://acme.test": False,
        "https://.acme.test": True,  # no such host exists
        "https://evilacme.test": False,
        "https://acme.test.evil.test": False,
        "https://evil.test/.acme.test": False,
        "https://evil.test#.acme.test": False,
        "https://evil.test?.acme.test": False,
        "https://evil.test:80.acme.test": False,
        "https://evil.test\\.acme.test": False,
        "https://evil.test\n.acme.test": False,
        "http://blog.acme.test": False,
        "https://blog.acme.test:8443": False,
    },
    "http://127.0.0.1:*": {
        "http://127.0.0.1:8080": True,
        "http://127.0.0.1": True,
        "http://127.0.0.1:80x": False,
        "http://127.0.0.1:8080.evil.test": False,
        "http://127.0.0.1.evil.test:8080": False,
        "http://127.0.0.1:²": False,
        "https://127.0.0.1:8080": False,
    },
    "https://*.acme.test:8443": {"https://blog.acme.test:8443": True, "https://blog.acme.test": False},
    "http://[::1]:*": {"http://[::1]:8080": True, "http://[::2]:8080": False},
    "*": {"https://anything.test": True, "null": True, "https://a\nb": False},
    "https://*": {"https://acme.test": False},
    "https://acme.*": {"https://acme.test": False},
    "": {"": False, "https://acme.test": False},
}


@pytest.mark.parametrize("pattern", ORIGINS)
def test_origin(pattern: str) -> None:
    tenant = Tenant("acme", 1, [], origins=["http://127.0.0.1:80x", pattern])
    assert {origin: origin_allowed(tenant, origin) for origin in ORIGINS[pattern]} == ORIGINS[pattern]


def test_without_an_origin_header_the_token_decides_alone() -> None:
    assert origin_allowed(Tenant("acme", 1, []), None)
    assert not origin_allowed(Tenant("acme", 1, []), "https://acme.test")


@pytest.mark.parametrize("name", ["a", "acme", "a-1", "0", "a" * 63])
def test_tenant_name_is_good(name: str) -> None:
    assert NAME.fullmatch(name)


@pytest.mark.parametrize("name", ["", "-a", "a-", "A", "a_b", "a.b", "a" * 64, "a\n", "а", "a/b", "*"])
def test_tenant_name_is_bad(name: str) -> None:
    assert not NAME.fullmatch(name)


def test_a_tenants_record_survives_the_registry() -> None:
    key = Key("k1", "HS256", "c2VjcmV0")
    tenant = Tenant("acme", 3, [key], ["https://acme.test"], "suspended", True, {"connections": 5})
    assert decode_tenant(encode_tenant(tenant)) == tenant
    assert "c2VjcmV0" not in repr(tenant)
