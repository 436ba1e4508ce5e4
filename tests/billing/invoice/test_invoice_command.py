"""`parley invoice`, as an operator uses it: from a seller's file to documents that were kept."""

import json
from collections.abc import Callable
from pathlib import Path

import asyncpg
import msgspec
import pytest
from click.testing import CliRunner, Result

from kit.invoice_world import settle_in, use
from kit.invoices import BERLIN, SELLER
from kit.official_rules import complaints
from kit.servers import run_apart
from parley_billing.core.invoice.party import Account
from parley_billing.invoice_command import invoice
from parley_runtime.database import connect

pytestmark = pytest.mark.servers


@pytest.fixture
def run(database_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Result]:
    monkeypatch.setenv("PARLEY_DATABASE_URL", database_url)
    monkeypatch.chdir(tmp_path)

    async def prepare() -> None:
        admin = await connect(database_url, "parley_admin", size=1)
        billing = await connect(database_url, "parley_billing", size=1)
        await settle_in(admin, ["acme", "beta"])
        await use(billing, "r", 1, ["acme", "beta"], 3_000_000)
        await admin.close()
        await billing.close()

    run_apart(prepare)

    def call(*arguments: str, code: int = 0) -> Result:
        result = CliRunner().invoke(invoice, arguments)
        assert result.exit_code == code, result.output
        return result

    return call


def test_a_month_from_close_to_credit(run: Callable[..., Result], database_url: str) -> None:
    closed = run("close", "--month", "2026-10")
    assert "PRL-000001     acme                     40.46 EUR" in closed.output
    assert closed.output.endswith("2 made, 0 not.\n")
    assert run("close", "--month", "2026-10").output == "0 made, 0 not.\n"
    assert len(run("list", "--month", "2026-10").output.splitlines()) == 2
    assert "5.00  messages  included quantity: max(3000000 − 1000000; 0)" in run("show", "PRL-000001").output
    run("pdf", "PRL-000001")
    assert Path("PRL-000001.pdf").read_bytes().startswith(b"%PDF-1.7")
    run("xml", "PRL-000001")
    assert complaints(Path("PRL-000001.xml").read_bytes(), "ubl invoice") == []
    assert json.loads(run("show", "PRL-000001", "--format", "json").output)["totals"]["gross"] == "40.46"
    assert run("show", "PRL-000001", "--format", "html").output.startswith("<!doctype html>")
    assert run("list", "--csv").output.count("\n") == 1 + 2 * 4
    credited = run("credit", "PRL-000001", "--reason", "Outage", "--amount", "4.00")
    assert credited.output == "PRL-000003 credits 4.76 EUR of PRL-000001.\n"
    assert (
        "Of PRL-000001 only 30.00 EUR" in run("credit", "PRL-000001", "--reason", "x", "--amount", "31", code=1).output
    )
    assert run("paid", "PRL-000001").output == "PRL-000001 is paid.\n"
    assert "is paid: it cannot be void" in run("void", "PRL-000001", code=1).output
    assert run("void", "PRL-000002").output == "PRL-000002 is void.\n"
    assert "PRL-000004" in run("close", "--month", "2026-10").output
    assert "4 invoices: right." in run("verify").output

    async def tamper() -> None:
        owner = await asyncpg.connect(database_url)
        await owner.execute("SET session_replication_role = replica")
        await owner.execute("UPDATE parley.invoice_documents SET data = data || '\\x00' WHERE format = 'pdf'")
        await owner.close()

    run_apart(tamper)
    found = run("verify", code=1).output
    assert "PRL-000001: its pdf is not what was kept." in found and "NOT RIGHT" in found


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["close", "--month", "2026-13"], "'2026-13' is not a month like 2026-10"),
        (["close", "--month", "9999-12"], "is not a month like 2026-10"),
        (["show", "PRL-000009"], "There is no invoice 'PRL-000009'"),
        (["show", "\0"], "There is no invoice"),
        (["credit", "PRL-000009", "--reason", "x", "--amount", "NaN"], "There is no invoice"),
        (["credit", "PRL-000009", "--reason", "x", "--amount", "viel"], '"viel" is not an amount'),
    ],
)
def test_bad_input_is_said_in_a_sentence(run: Callable[..., Result], arguments: list[str], said: str) -> None:
    assert said in run(*arguments, code=1).output


def test_a_seller_and_an_account_are_checked_before_they_are_kept(run: Callable[..., Result], tmp_path: Path) -> None:
    good = json.loads(msgspec.json.encode(SELLER))
    for change, said in (
        ({"iban": "DE89370400440532013001"}, "iban: It is no IBAN: its check digits do not fit"),
        ({"prefix": "prl"}, "prefix: It must be 1 to 16 capital letters"),
        ({"prefix": "NEW"}, "has numbers with another prefix"),
        ({"vatRates": {"DE": "119"}}, "vatRates.DE: A rate is above 0, at most 100"),
        ({"party": {"name": "X", "country": "XX"}}, "party.country: 'XX' is not a country's two letters"),
        ({"colour": "red"}, "unknown field `colour`"),
        ({"name": "other"}, "Another seller has the prefix PRL"),
    ):
        file = tmp_path / "seller.json"
        file.write_text(json.dumps(good | change))
        assert said in run("seller", str(file), code=1).output
    file.write_text(json.dumps(good))
    assert "sends invoices PRL-000001 and on" in run("seller", str(file)).output


def test_an_account_as_json_is_the_account() -> None:
    account = Account("parley-gmbh", BERLIN, reference="CC 7")
    assert msgspec.json.decode(msgspec.json.encode(account), type=Account) == account
