"""The three ways to give a tenant a key on the command line."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import click

from parley.tenants import ALGORITHMS, Key
from parley_runtime.admin import key_into_file
from parley_runtime.keys import SHORTEST_RSA, verifying
from parley_runtime.signing import KeyProblem

_PATH = click.Path(path_type=Path)

#: What a new pair of keys can be for; the best first.
PAIRS = ("EdDSA", "ES256", "RS256")


def key_options(command: Callable[..., None]) -> Callable[..., None]:
    """Adds what `key_of` takes."""
    for option in (
        click.option(
            "--algorithm", type=click.Choice(PAIRS), default=PAIRS[0], show_default=True, help="Of a new pair."
        ),
        click.option("--private-key-file", type=_PATH, help="Make a new pair, and write its private key there."),
        click.option("--secret-file", type=_PATH, help="Make a new shared secret (HS256), and write it there."),
        click.option("--public-key", type=_PATH, help="PEM: RSA, P-256 or Ed25519."),
    ):
        command = option(command)
    return command


def key_of(
    kid: str, public_key: Path | None, secret_file: Path | None, private_key_file: Path | None, algorithm: str
) -> tuple[Key, Path | None]:
    """The key, and the file that was made for what signs."""
    if sum(path is not None for path in (public_key, secret_file, private_key_file)) != 1:
        raise click.ClickException("Name either --public-key, --secret-file or --private-key-file.")
    try:
        if public_key is not None:
            return _public_key(kid, public_key.read_bytes().decode(errors="replace")), None
        if secret_file is not None:
            return key_into_file("HS256", kid, secret_file), secret_file
        assert private_key_file is not None
        return key_into_file(cast(Any, algorithm), kid, private_key_file), private_key_file
    except OSError as error:
        raise click.ClickException(f"{public_key or secret_file or private_key_file}: {error.strerror}.") from error


def _public_key(kid: str, pem: str) -> Key:
    """The key is for the one algorithm that can use it."""
    for algorithm in ALGORITHMS:
        key = Key(kid=kid, algorithm=algorithm, material=pem)
        try:
            verifying(key)
        except KeyProblem:
            continue
        if algorithm != "HS256":
            return key
    raise click.ClickException(
        f"The file holds no public key in PEM: RSA of at least {SHORTEST_RSA} bits, P-256 or Ed25519."
    )
