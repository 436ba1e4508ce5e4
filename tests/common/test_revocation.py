"""What is written into a record when tokens are revoked."""

import msgspec
import pytest

from parley.revocation import MOST_READERS, TooManyRevoked, restore_reader, revoke_issued_before, revoke_reader
from parley.tenants import Revocation, Tenant, decode_tenant, encode_tenant

NOW = 1_000_000
ACME = Tenant("acme", 1, [])


def test_a_reader_stands_once_with_the_latest_end() -> None:
    twice = revoke_reader(revoke_reader(ACME, "ann", NOW, NOW + 10), "ann", NOW + 5, NOW + 15)
    assert twice.revoked == [Revocation("ann", NOW + 15)]


def test_what_is_over_is_dropped_at_the_next_write() -> None:
    first = revoke_reader(ACME, "ann", NOW, NOW + 10)
    assert [entry.sub for entry in revoke_reader(first, "bo", NOW + 9, NOW + 20).revoked] == ["ann", "bo"]
    assert [entry.sub for entry in revoke_reader(first, "bo", NOW + 10, NOW + 20).revoked] == ["bo"]


def test_a_full_list_takes_nobody_new_until_entries_are_over() -> None:
    full = msgspec.structs.replace(ACME, revoked=[Revocation(str(n), NOW + 10) for n in range(MOST_READERS)])
    with pytest.raises(TooManyRevoked):
        revoke_reader(full, "ann", NOW, NOW + 20)
    assert len(revoke_reader(full, "7", NOW, NOW + 20).revoked) == MOST_READERS
    assert revoke_reader(full, "ann", NOW + 10, NOW + 20).revoked == [Revocation("ann", NOW + 20)]


def test_a_reader_is_restored_alone() -> None:
    two = revoke_reader(revoke_reader(ACME, "ann", NOW, NOW + 10), "bo", NOW, NOW + 10)
    assert restore_reader(two, "ann").revoked == [Revocation("bo", NOW + 10)]
    with pytest.raises(LookupError):
        restore_reader(two, "cy")


def test_not_before_never_goes_back() -> None:
    later = revoke_issued_before(ACME, NOW)
    assert later.not_before == NOW
    assert revoke_issued_before(later, NOW - 1).not_before == NOW


def test_the_record_says_it_as_documented_and_an_older_record_is_still_read() -> None:
    record = revoke_issued_before(revoke_reader(ACME, "ann", NOW, NOW + 10), NOW)
    said = msgspec.json.decode(encode_tenant(record))
    assert (said["notBefore"], said["revoked"]) == (NOW, [{"sub": "ann", "until": NOW + 10}])
    assert decode_tenant(encode_tenant(record)) == record
    assert decode_tenant(b'{"name":"acme","version":1,"keys":[]}') == ACME
