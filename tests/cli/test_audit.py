"""What administrators do on the command line is in their log first, without secrets, or is not done."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from kit.servers import execute, run_apart
from parley_runtime.cli import main

pytestmark = pytest.mark.servers


@pytest.fixture(autouse=True)
def installation(redis_url: str, database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARLEY_REDIS_URL", redis_url)
    monkeypatch.setenv("PARLEY_DATABASE_URL", database_url)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments))


def listed(*arguments: str) -> list[list[str]]:
    """id, time, actor, action, tenant, detail of each entry."""
    result = run("audit", *arguments)
    assert result.exit_code == 0, result.output
    return [line.split("  ", 5) for line in result.output.splitlines()]


def test_every_admin_command_is_listed_with_what_it_changed(tmp_path: Path) -> None:
    secret = str(tmp_path / "secret")
    done = [
        ("add", "acme", "--origin", "https://acme.test", "--secret-file", secret),
        ("add-key", "acme", "2", "--private-key-file", str(tmp_path / "private.pem")),
        ("retire-key", "acme", "2"),
        ("jwks", "acme", "https://keys.acme.test/set.json"),
        ("origins", "acme", "https://www.acme.test"),
        ("suspend", "acme"),
        ("resume", "acme"),
        ("over-quota", "acme"),
        ("over-quota", "acme", "--undo"),
        ("revoke", "acme", "--reader", "ann"),
        ("revoke", "acme", "--reader", "ann", "--undo"),
        ("revoke", "acme", "--all"),
    ]
    for arguments in done:
        result = run("tenant", *arguments)
        assert result.exit_code == 0, result.output
    assert run("tenant", "add", "globex", "--secret-file", str(tmp_path / "other")).exit_code == 0
    assert run("token", "--tenant", "acme", "--reader", "u1", "--kid", "1", "--data", str(tmp_path)).exit_code == 0

    entries = listed("--tenant", "acme")[::-1]
    wanted = [arguments[0] for arguments in done]
    wanted[10] = "restore"
    assert [entry[3] for entry in entries] == [*wanted, "sign-token"]
    details = [json.loads(entry[5]) for entry in entries]
    assert details[0]["keys"][0]["kid"] == "1" and len(details[0]["keys"][0]["fingerprint"]) == 16
    assert details[2]["keys"]["removed"][0]["active"] and not details[2]["keys"]["added"][0]["active"]
    assert details[3]["jwksUrl"] == {"before": None, "after": "https://keys.acme.test/set.json"}
    assert details[5]["state"] == {"before": "active", "after": "suspended"}
    assert details[7]["overQuota"] == {"before": False, "after": True}
    assert details[10]["revoked"]["removed"][0]["sub"] == "ann"
    assert details[12]["reader"] == "u1" and details[12]["kid"] == "1"
    everything = run("audit").output
    assert "globex" in everything and len(listed("--most", "3")) == 3
    pem = (tmp_path / "private.pem").read_text().splitlines()[1]
    assert Path(secret).read_text().strip() not in everything and pem not in everything


def test_what_cannot_be_recorded_is_not_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run("tenant", "add", "acme", "--secret-file", str(tmp_path / "secret")).exit_code == 0
    # Port 9 (discard) is closed.
    monkeypatch.setenv("PARLEY_DATABASE_URL", "postgresql://someone:hidden-password@127.0.0.1:9/parley")
    for arguments in (("tenant", "suspend", "acme"), ("tenant", "add", "globex", "--secret-file", str(tmp_path / "s"))):
        refused = run(*arguments)
        assert refused.exit_code == 1 and "nothing was changed" in refused.output
        assert "hidden-password" not in refused.output
    assert not (tmp_path / "s").exists()
    assert "acme  active" in run("tenant", "list").output and "globex" not in run("tenant", "list").output
    unsigned = run("token", "--tenant", "acme", "--reader", "u1", "--data", str(tmp_path))
    assert unsigned.exit_code == 1 and "recorded" in unsigned.output
    # A leaked key cannot wait for a database.
    without = run("tenant", "--unrecorded", "retire-key", "acme", "1")
    assert without.exit_code == 0 and json.loads(without.stderr)["action"] == "retire-key"
    assert "retired" in run("tenant", "list").output
    assert run("audit").exit_code == 1


def test_a_log_that_was_never_made_is_said(tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    run_apart(lambda: execute(database_url, "DROP TABLE parley.admin_log"))
    refused = run("tenant", "add", "acme", "--secret-file", str(tmp_path / "secret"))
    assert refused.exit_code == 1 and "parley migrate" in refused.output


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("revoke", "acme", "--reader", "ann", "--undo"), "no revoked reader"),
        (("revoke", "acme", "--all", "--undo"), "--reader only"),
        (("jwks", "acme"), "either"),
        (("jwks", "acme", "http://keys.acme.test/"), "must begin with https"),
        (("jwks", "acme", "https://127.0.0.1/"), "not an address"),
    ],
)
def test_what_cannot_be_done_is_said(tmp_path: Path, arguments: tuple[str, ...], sentence: str) -> None:
    assert run("tenant", "add", "acme", "--secret-file", str(tmp_path / "secret")).exit_code == 0
    refused = run("tenant", *arguments)
    assert refused.exit_code == 1 and sentence in refused.output
    assert len(listed()) == 1, "what was refused is no admin action"
