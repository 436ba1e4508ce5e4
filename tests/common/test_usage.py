"""A sealed record is the same bytes wherever it is, and its digest knows every change."""

import contextlib
import hashlib

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley.usage import MINUTE_MS, USAGE_CLASSES, UsageLine, UsageRecord, decode_record, encode_record

LINES = st.builds(
    UsageLine,
    tenant=st.text(max_size=10),
    site=st.text(max_size=20),
    usage_class=st.sampled_from(USAGE_CLASSES),
    minute=st.integers(0, 2**40).map(lambda number: number * MINUTE_MS % 2**52),
    messages=st.integers(0, 2**53),
    bytes=st.integers(0, 2**53),
)
RECORDS = st.builds(
    UsageRecord, run=st.text(max_size=40), number=st.integers(1, 2**53), sealed_at=st.integers(0, 2**52),
    lines=st.lists(LINES, max_size=5),
)  # fmt: skip


@given(RECORDS)
def test_round_trip(record: UsageRecord) -> None:
    data = encode_record(record)
    assert decode_record(data) == record
    assert encode_record(decode_record(data)) == data
    assert record.digest() == hashlib.sha256(data).digest()


@given(RECORDS, RECORDS)
def test_different_records_have_different_digests(one: UsageRecord, other: UsageRecord) -> None:
    assert (one == other) == (one.digest() == other.digest())


def test_the_form_stays() -> None:
    record = UsageRecord("run", 1, 1_000, [UsageLine("acme", "https://acme.test", "delivery", 60_000, 2, 500)])
    assert record.digest().hex() == "6f08e94e8ada527fdecd1420de60a4d6a44f7df5032f9ce54ab1a82a5b077eb5"


@pytest.mark.parametrize(
    "data", [b"", b"\xc1", b"\x80", b"\x90", b"{}", encode_record(UsageRecord("r", 1, 1, []))[:-1]]
)
def test_what_is_no_record_is_refused(data: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        decode_record(data)


@given(st.binary(max_size=100))
def test_any_bytes_are_a_record_or_a_decode_error(data: bytes) -> None:
    with contextlib.suppress(msgspec.DecodeError):
        decode_record(data)
