"""Keys at a URL: which URLs and addresses are allowed, and when a set is fetched, believed and forgotten."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from parley.jwks import (
    IDLE_MOST,
    LONGEST_AGE,
    RETRY_FIRST,
    RETRY_LONGEST,
    SHORTEST_AGE,
    STALE_MOST,
    UNKNOWN_EVERY,
    USUAL_AGE,
    KeySet,
    max_age,
    with_keys,
)
from parley.public_urls import UrlProblem, check_url, is_public
from parley.tenants import Key, Tenant

URL = "https://keys.acme.test/set.json"


def key(kid: str, material: str = "pem") -> Key:
    return Key(kid, "ES256", material)


@pytest.mark.parametrize("url", [URL, "https://a.test", "https://a.test:8443/x?y=z", "https://localhost/jwks"])
def test_urls_that_are_taken(url: str) -> None:
    assert check_url(url) == url


@pytest.mark.parametrize(
    "url",
    [
        "http://acme.test/", "ftp://acme.test/", "https://", "https:///x", "//acme.test", "acme.test", "",
        "https://127.0.0.1/", "https://[::1]/", "https://127.1/", "https://2130706433/", "https://0x7f.0.0.1/",
        "https://0x7f000001/", "https://user@acme.test/", "https://user:word@acme.test/", "https://acme.test/#x",
        "https://acme.test:0/", "https://acme.test:99999/", "https://acme.test /", "https://acme.test\\@evil.test/",
        "https://acme.test/\n", "https://ACME\u2024test/", "https://-acme.test/", "https://localhost./",
        "https://a.test/" + "x" * 1_024, "https://a..test/",
        f"https://{'a' * 64}.test/", "https://" + "a." * 127 + "a/",
    ],
)  # fmt: skip
def test_urls_that_are_refused(url: str) -> None:
    with pytest.raises(UrlProblem):
        check_url(url)


@given(st.text() | st.text(alphabet="htps:/@.[]0x17f#?\\%").map("https://".__add__))
def test_no_text_breaks_the_check(url: str) -> None:
    with contextlib.suppress(UrlProblem):
        assert check_url(url).startswith("https://")


@pytest.mark.parametrize("address", ["1.1.1.1", "93.184.215.14", "2606:4700:4700::1111", "64:ff9b::101:101"])
def test_public_addresses(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.9.9.9", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.169.254",
        "100.64.0.1", "0.0.0.0", "255.255.255.255", "224.0.0.1", "240.0.0.1", "192.0.2.1", "198.18.0.1",
        "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "ff02::1", "2001:db8::1",
        "::ffff:127.0.0.1", "::ffff:169.254.169.254", "2002:7f00:1::", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe",
        "not an address", "",
    ],
)  # fmt: skip
def test_addresses_that_are_never_asked(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    ("said", "age"),
    [
        (None, USUAL_AGE), ("", USUAL_AGE), ("public, max-age=600", 600), ("MAX-AGE=600", 600),
        ("max-age=0", SHORTEST_AGE), ("max-age=1", SHORTEST_AGE), ("max-age=99999999", LONGEST_AGE),
        ("max-age=-5", USUAL_AGE), ("no-store", SHORTEST_AGE), ("max-age=600, no-cache", SHORTEST_AGE),
        ("max-age=" + "9" * 400, USUAL_AGE), ('max-age="600"', 600),
    ],
)  # fmt: skip
def test_how_long_a_set_is_believed(said: str | None, age: float) -> None:
    assert max_age(said) == age


def test_a_records_own_keys_come_first_and_a_retired_one_does_not_come_back() -> None:
    own = Tenant("acme", 1, [key("a", "own"), Key("b", "ES256", "own", active=False)])
    assert with_keys(own, (key("a"), key("b"), key("c"))) == [*own.keys, key("c")]


def test_made_up_kids_cost_one_fetch_in_ten_seconds() -> None:
    held, fetches = KeySet(URL, 0.0), 0
    for tenth in range(600):
        now = tenth / 10
        if held.is_due(now) or held.may_ask_for(f"made-up-{tenth}", now):
            held.started(now)
            held.fetched((key("a"),), USUAL_AGE, now)
            fetches += 1
    assert fetches == 60 / UNKNOWN_EVERY


def test_a_new_key_is_found_at_once_when_the_set_was_not_asked_just_before() -> None:
    held = KeySet(URL, 0.0)
    assert held.may_ask_for("a", 0.0)
    held.started(0.0)
    held.fetched((key("a"),), LONGEST_AGE, 0.5)
    assert not held.may_ask_for("a", 100.0) and not held.is_due(100.0)
    assert held.may_ask_for("b", 100.0)


class Believing(RuleBasedStateMachine):
    """Whatever happens in whatever order: never two fetches at once, never a storm, never a key for too long."""

    @initialize()
    def begin(self) -> None:
        self.now = 0.0
        self.held = KeySet(URL, 0.0)
        self.starts: list[float] = []
        self.good_at: float | None = None
        self.failures = 0
        self.due_at = 0.0

    @rule(seconds=st.sampled_from([0.5, 5.0, UNKNOWN_EVERY, RETRY_LONGEST, LONGEST_AGE, STALE_MOST / 2, IDLE_MOST]))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def token(self) -> None:
        self.held.used(self.now)
        assert not self.held.is_idle(self.now)

    @rule(kid=st.sampled_from(["a", "b", "x", None]))
    def ask(self, kid: str | None) -> None:
        if self.held.may_ask_for(kid, self.now) or self.held.is_due(self.now):
            assert not self.held.fetching
            # Between any two fetches: the bound of unknown keys, or of a retry, or the shortest age.
            if self.starts:
                assert self.now - self.starts[-1] >= min(UNKNOWN_EVERY, RETRY_FIRST, SHORTEST_AGE)
            self.starts.append(self.now)
            self.held.started(self.now)
            assert not self.held.may_ask_for(kid, self.now) and not self.held.is_due(self.now)

    @precondition(lambda self: self.held.fetching)
    @rule(kids=st.sets(st.sampled_from(["a", "b"])), age=st.sampled_from([SHORTEST_AGE, USUAL_AGE, LONGEST_AGE]))
    def answer(self, kids: set[str], age: float) -> None:
        keys = tuple(key(kid) for kid in sorted(kids))
        before = self.held.keys
        assert self.held.fetched(keys, age, self.now) == (keys != before)
        assert self.held.keys == keys
        self.good_at, self.failures, self.due_at = self.now, 0, self.now + age

    @precondition(lambda self: self.held.fetching)
    @rule()
    def fault(self) -> None:
        before = self.held.keys
        self.held.failed(self.now)
        self.due_at = self.now + min(RETRY_FIRST * 2**self.failures, RETRY_LONGEST)
        self.failures += 1
        assert self.held.keys == before, "a fault takes no key away"
        assert not self.held.is_due(self.due_at - 0.1)

    @rule()
    def look(self) -> None:
        had = bool(self.held.keys)
        if self.held.expire(self.now):
            assert had and not self.held.keys
        if self.held.keys:
            assert self.good_at is not None and self.now < self.good_at + STALE_MOST

    @invariant()
    def it_is_asked_again_in_time(self) -> None:
        if not self.held.fetching and not self.held.is_idle(self.now):
            assert self.held.is_due(self.now) == (self.now >= self.due_at)


TestBelieving = Believing.TestCase
