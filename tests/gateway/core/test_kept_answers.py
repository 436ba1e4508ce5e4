"""Answers that are kept: within their bytes, the longest unused goes first."""

import msgspec

from parley_gateway.core.kept_answers import ANSWER_BYTES, Answer, JoinKey, KeptAnswers
from parley_gateway.core.page_answer import Part


def answer(size: int) -> Answer:
    return Answer("e1", 1, "changes", [Part([msgspec.Raw(b"x" * size)], [], 1, False)])


def key(place: int, tenant: str = "acme") -> JoinKey:
    return (tenant, "page", "e1", place)


def test_what_is_kept_stays_within_its_bytes_and_the_longest_unused_goes() -> None:
    kept = KeptAnswers(most=3 * answer(1_000).bytes)
    for place in range(3):
        kept.put(key(place), answer(1_000))
    assert kept.get(key(0)) is not None
    kept.put(key(3), answer(1_000))
    assert [kept.get(key(place)) is not None for place in range(4)] == [True, False, True, True]
    kept.put(key(4), answer(2_500))
    assert kept.bytes <= 3 * answer(1_000).bytes


def test_a_large_answer_is_not_kept() -> None:
    kept = KeptAnswers()
    kept.put(key(1), answer(10))
    kept.put(key(1), answer(ANSWER_BYTES))
    assert (kept.get(key(1)), kept.bytes) == (None, 0)


def test_one_that_is_dropped_or_replaced_frees_its_bytes() -> None:
    kept = KeptAnswers()
    kept.put(key(1), answer(10))
    kept.put(key(1), answer(20))
    assert kept.bytes == answer(20).bytes
    kept.drop(key(1))
    kept.drop(key(1))
    assert kept.bytes == 0


def test_no_tenant_is_answered_with_anothers() -> None:
    kept = KeptAnswers()
    kept.put(key(1, "acme"), answer(10))
    assert kept.get(key(1, "globex")) is None
