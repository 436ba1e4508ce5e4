"""The two files of docs/invoices.md are good as they stand there."""

import re
from pathlib import Path

import msgspec

from kit.invoices import an_invoice
from parley_billing.core.invoice.checker import check
from parley_billing.core.invoice.party import Account, Seller, account_problems, seller_problems

PAGE = (Path(__file__).parents[3] / "docs/invoices.md").read_text()


def block(name: str) -> str:
    found = re.search(rf"```json {name}\n(.*?)```", PAGE, re.DOTALL)
    assert found is not None
    return found[1]


def test_they_are_taken_and_make_an_invoice() -> None:
    seller = msgspec.json.decode(block("seller"), type=Seller)
    account = msgspec.json.decode(block("account"), type=Account)
    assert (seller_problems(seller), account_problems(account)) == ([], [])
    invoice = an_invoice(seller=seller, buyer=account.buyer, coupons=account.coupons, reference=account.reference)
    assert check(invoice) == []
    assert [group.tax.category for group in invoice.taxes] == ["AE"]
