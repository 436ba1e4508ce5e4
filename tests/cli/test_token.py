"""`parley token`: keys in every form people keep them, and never on the screen."""

import base64
import os
from pathlib import Path

import jwt
import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from parley_runtime.cli import main
from parley_runtime.demo.tenants import keep_tenants

SECRET = os.urandom(32)

PRIVATE: dict[str, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey] = {
    "RS256": rsa.generate_private_key(public_exponent=65537, key_size=2048),
    "ES256": ec.generate_private_key(ec.SECP256R1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate(),
}


@pytest.fixture(autouse=True)
def no_key_around(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PARLEY_SIGNING_KEY", raising=False)


def run(*arguments: str) -> str:
    result = CliRunner().invoke(main, ["token", "--tenant", "acme", "--reader", "u1", *arguments])
    assert result.exit_code == 0, result.output
    return result.output.strip()


def fail(*arguments: str) -> str:
    result = CliRunner().invoke(main, ["token", "--tenant", "acme", "--reader", "u1", *arguments])
    assert result.exit_code == 1, result.output
    return result.output


@pytest.mark.parametrize("algorithm", PRIVATE)
def test_the_algorithm_follows_from_the_private_key(tmp_path: Path, algorithm: str) -> None:
    private = PRIVATE[algorithm]
    path = tmp_path / "key.pem"
    path.write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    token = run("--key-file", str(path), "--kid", "k1")
    public = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    assert jwt.get_unverified_header(token) == {"alg": algorithm, "typ": "JWT", "kid": "k1"}
    assert jwt.decode(token, public, algorithms=[algorithm], audience="parley")["sub"] == "u1"


@pytest.mark.parametrize("padding", ["", "="])
def test_a_shared_secret_in_base64url(monkeypatch: pytest.MonkeyPatch, padding: str) -> None:
    text = base64.urlsafe_b64encode(SECRET).rstrip(b"=").decode() + padding
    monkeypatch.setenv("PARLEY_SIGNING_KEY", text)
    token = run("--role", "reader", "--pages", "https://a/*", "--pages", "b", "--scope", "usage:read", "--ttl", "60")
    found = jwt.decode(token, SECRET, algorithms=["HS256"], audience="parley")
    assert found["role"] == "reader" and found["pages"] == ["https://a/*", "b"] and found["scope"] == "usage:read"
    assert found["exp"] - found["iat"] == 60


def test_the_demos_key_is_found_in_its_directory(tmp_path: Path) -> None:
    key = keep_tenants(tmp_path)["acme"].keys[0]
    token = run("--data", str(tmp_path))
    assert jwt.get_unverified_header(token)["kid"] == key.kid
    secret = base64.urlsafe_b64decode(key.material + "=")
    assert jwt.decode(token, secret, algorithms=["HS256"], audience="parley")["tenant"] == "acme"


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"c2hvcnQ", "at least 32 are needed"),
        (b"-----BEGIN PRIVATE KEY-----\nbm9uZQ==\n-----END PRIVATE KEY-----", "no private key"),
        (b'{"material": ', "looks like JSON"),
        (b"not base64 at all!", "neither a PEM private key nor"),
    ],
)
def test_an_unusable_key_is_said_and_not_shown(tmp_path: Path, content: bytes, sentence: str) -> None:
    path = tmp_path / "key"
    path.write_bytes(content)
    output = fail("--key-file", str(path))
    assert sentence in output
    assert content.decode() not in output


def test_a_missing_key_file_is_said(tmp_path: Path) -> None:
    assert "cannot be read" in fail("--key-file", str(tmp_path / "none"))


def test_without_any_key_it_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Port 9 (discard) is closed.
    monkeypatch.setenv("PARLEY_REDIS_URL", "redis://:hidden-password@127.0.0.1:9/0")
    output = fail("--data", str(tmp_path))
    assert "--key-file" in output and "hidden-password" not in output
