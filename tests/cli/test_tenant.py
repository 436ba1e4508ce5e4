"""`parley tenant` and `parley migrate`: an installation set up by hand."""

import json
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from kit.servers import execute, run_apart
from parley.errors import Refusal
from parley.redis_keys import Keys
from parley.revocation import MOST_READERS
from parley.tenants import Revocation, Tenant
from parley_runtime import redis_client
from parley_runtime.cli import main
from parley_runtime.clock import SystemClock
from parley_runtime.embedded import PostgresServer
from parley_runtime.registry import Registry
from parley_runtime.tokens import TokenVerifier

pytestmark = pytest.mark.servers


def run(*arguments: str) -> str:
    result = CliRunner().invoke(main, list(arguments))
    assert result.exit_code == 0, result.output
    return result.output


def fail(*arguments: str) -> str:
    result = CliRunner().invoke(main, list(arguments))
    assert result.exit_code == 1, result.output
    return result.output


@pytest.fixture
def held(redis_url: str, database_url: str, monkeypatch: pytest.MonkeyPatch) -> "type[Held]":
    monkeypatch.setenv("PARLEY_REDIS_URL", redis_url)
    monkeypatch.setenv("PARLEY_DATABASE_URL", database_url)
    Held.url = redis_url
    return Held


class Held:
    """What the registry holds now."""

    url = ""

    @classmethod
    def get(cls, name: str) -> Tenant | None:
        async def ask() -> Tenant | None:
            client = redis_client.connect(cls.url)
            try:
                return await Registry(client, Keys()).get(name)
            finally:
                await client.aclose()

        return run_apart(ask)

    @classmethod
    def put(cls, record: Tenant) -> None:
        async def write() -> None:
            client = redis_client.connect(cls.url)
            try:
                assert await Registry(client, Keys()).put(record)
            finally:
                await client.aclose()

        run_apart(write)


def test_a_tenants_life(held: type[Held], tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    run("tenant", "add", "acme", "--origin", "https://acme.test", "--secret-file", str(secret))
    assert secret.stat().st_mode & 0o077 == 0
    added = held.get("acme")
    assert added is not None and added.origins == ["https://acme.test"]
    assert [(key.kid, key.algorithm, key.material) for key in added.keys] == [
        ("1", "HS256", secret.read_text().strip())
    ]

    public = ed25519.Ed25519PrivateKey.generate().public_key()
    pem = tmp_path / "public.pem"
    pem.write_bytes(public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    run("tenant", "add-key", "acme", "2", "--public-key", str(pem))
    run("tenant", "retire-key", "acme", "1")
    run("tenant", "origins", "acme", "https://acme.test", "https://*.acme.test")
    run("tenant", "suspend", "acme")
    changed = held.get("acme")
    assert changed is not None and changed.state == "suspended" and changed.version > added.version
    assert [(key.kid, key.algorithm, key.active) for key in changed.keys] == [
        ("1", "HS256", False),
        ("2", "EdDSA", True),
    ]
    listed = run("tenant", "list")
    assert "acme  suspended  keys: 1 (HS256, retired), 2 (EdDSA)" in listed
    assert secret.read_text().strip() not in listed
    run("tenant", "resume", "acme")
    resumed = held.get("acme")
    assert resumed is not None and resumed.state == "active"


def test_the_secret_signs_tokens(held: type[Held], tmp_path: Path) -> None:
    run("tenant", "add", "acme", "--secret-file", str(tmp_path / "secret"))
    arguments = ("token", "--tenant", "acme", "--reader", "u1", "--data", str(tmp_path / "none"))
    assert run(*arguments).splitlines()[-1].count(".") == 2
    run("tenant", "retire-key", "acme", "1")
    assert "--key-file" in fail(*arguments)


@pytest.mark.parametrize("algorithm", ["EdDSA", "ES256", "RS256"])
def test_a_new_pair_signs_tokens_and_its_private_key_is_nowhere_else(
    held: type[Held], tmp_path: Path, algorithm: str
) -> None:
    private = tmp_path / "private.pem"
    printed = run("tenant", "add", "acme", "--private-key-file", str(private), "--algorithm", algorithm)
    assert private.stat().st_mode & 0o777 == 0o600
    record = held.get("acme")
    assert record is not None and record.keys[0].algorithm == algorithm
    secret_lines = private.read_text().splitlines()[1:-1]
    seen = printed + repr(record) + record.keys[0].material + run("tenant", "get", "acme") + run("tenant", "list")
    assert not any(line in seen for line in secret_lines)
    assert record.keys[0].material.splitlines()[1] not in run("tenant", "get", "acme")
    signed = run("token", "--tenant", "acme", "--reader", "u1", "--kid", "1", "--key-file", str(private)).strip()
    assert TokenVerifier({"acme": record}, SystemClock()).verify(signed).reader == "u1"


def test_revoking(held: type[Held], tmp_path: Path) -> None:
    run("tenant", "add", "acme", "--secret-file", str(tmp_path / "secret"))
    signed = ("token", "--tenant", "acme", "--kid", "1", "--key-file", str(tmp_path / "secret"))
    ann, bo = (run(*signed, "--reader", reader).strip() for reader in ("ann", "bo"))

    def is_good(token: str) -> bool:
        record = held.get("acme")
        assert record is not None
        try:
            TokenVerifier({"acme": record}, SystemClock()).verify(token)
        except Refusal as refusal:
            assert refusal.code == "token-invalid"
            return False
        return True

    assert is_good(ann) and is_good(bo)
    assert "ann" in run("tenant", "revoke", "acme", "--reader", "ann")
    assert not is_good(ann) and is_good(bo)
    run("tenant", "revoke", "acme", "--all")
    assert not is_good(bo)
    record = held.get("acme")
    assert record is not None and [entry.sub for entry in record.revoked] == ["ann"]
    shown = json.loads(run("tenant", "get", "acme"))
    assert shown["revoked"][0]["sub"] == "ann" and shown["notBefore"] == record.not_before

    for wrong in ((), ("--reader", "ann", "--all")):
        assert "either" in fail("tenant", "revoke", "acme", *wrong)
    for wrong_id in ("", "x" * 201, "\udcff"):
        assert "200 bytes" in fail("tenant", "revoke", "acme", "--reader", wrong_id)
    assert "no tenant" in fail("tenant", "revoke", "globex", "--all")
    assert held.get("acme") == record


def test_no_more_readers_are_revoked_than_a_record_holds(held: type[Held], tmp_path: Path) -> None:
    run("tenant", "add", "acme", "--secret-file", str(tmp_path / "secret"))
    record = held.get("acme")
    assert record is not None
    full = [Revocation(f"u{number}", 2**40) for number in range(MOST_READERS)]
    held.put(msgspec.structs.replace(record, version=2, revoked=full))
    assert "--all" in fail("tenant", "revoke", "acme", "--reader", "ann")
    run("tenant", "revoke", "acme", "--reader", "u7")
    after = held.get("acme")
    assert after is not None and len(after.revoked) == MOST_READERS


def test_every_change_leaves_a_line(held: type[Held], tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    lines = []
    for arguments in (
        ("add", "acme", "--secret-file", str(secret)),
        ("add-key", "acme", "2", "--private-key-file", str(tmp_path / "private.pem")),
        ("retire-key", "acme", "1"),
        ("suspend", "acme"),
        ("resume", "acme"),
        ("revoke", "acme", "--reader", "ann"),
        ("revoke", "acme", "--all"),
    ):
        result = CliRunner().invoke(main, ["tenant", *arguments])
        assert result.exit_code == 0, result.output
        assert secret.read_text().strip() not in result.output
        lines.append(json.loads(result.stderr))
    assert [line["action"] for line in lines] == ["add", "add-key", "retire-key", "suspend", "resume", *2 * ["revoke"]]
    assert [line["detail"]["version"] for line in lines[1:]] == [
        {"before": version, "after": version + 1} for version in range(1, 7)
    ]
    assert lines[5]["detail"]["revoked"]["added"][0]["sub"] == "ann" and lines[6]["detail"]["notBefore"]["after"] > 0
    assert all(line["event"] == "audit" and line["tenant"] == "acme" and line["by"] and line["at"] for line in lines)


def test_what_cannot_be_done_is_said_and_changes_nothing(held: type[Held], tmp_path: Path) -> None:
    secret = str(tmp_path / "secret")
    run("tenant", "add", "acme", "--secret-file", secret)
    before = held.get("acme")
    assert "already" in fail("tenant", "add", "acme", "--secret-file", str(tmp_path / "another"))
    assert not (tmp_path / "another").exists()
    assert "File exists" in fail("tenant", "add", "globex", "--secret-file", secret)
    assert "either" in fail("tenant", "add", "globex")
    assert "a-z" in fail("tenant", "add", "Acme Corp", "--secret-file", str(tmp_path / "s"))
    assert "already" in fail("tenant", "add-key", "acme", "1", "--secret-file", str(tmp_path / "s"))
    assert "no active key" in fail("tenant", "retire-key", "acme", "9")
    assert "no tenant" in fail("tenant", "suspend", "initech")
    weak = rsa.generate_private_key(public_exponent=65537, key_size=1024).public_key()
    (tmp_path / "weak.pem").write_bytes(weak.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    assert "2048" in fail("tenant", "add-key", "acme", "2", "--public-key", str(tmp_path / "weak.pem"))
    assert held.get("acme") == before and held.get("globex") is None
    assert not (tmp_path / "s").exists()


def test_migrate(postgres_server: PostgresServer, monkeypatch: pytest.MonkeyPatch) -> None:
    run_apart(lambda: execute(postgres_server.url, "CREATE DATABASE by_hand"))
    url = postgres_server.database_url("by_hand")
    monkeypatch.setenv("PARLEY_DATABASE_URL", url)
    for _ in range(2):
        assert "up to date" in run("migrate")
    run_apart(lambda: execute(url, "INSERT INTO parley.pages (tenant, page) VALUES ('acme', 'p')"))
    run_apart(lambda: execute(postgres_server.url, "DROP DATABASE by_hand WITH (FORCE)"))


def test_migrating_a_database_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARLEY_DATABASE_URL", "postgresql://someone:hidden-password@127.0.0.1:9/parley")
    output = fail("migrate")
    assert "parley doctor" in output and "hidden-password" not in output
