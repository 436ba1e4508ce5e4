"""An invoice as one HTML page without anything else: for reading on a screen, and for printing."""

from collections.abc import Iterable
from html import escape
from typing import Any

from parley_billing.core.invoice.invoice import Invoice
from parley_billing.core.invoice.sheet import sheet

_STYLE = """
:root{color-scheme:light dark}body{font:15px/1.45 system-ui,sans-serif;max-width:46rem;margin:2rem auto;padding:0 1rem}
h1{display:flex;justify-content:space-between;align-items:baseline;border-bottom:2px solid;font-size:1.7rem}
h1 span{font-size:1rem}small,th,dt{color:GrayText;font-size:.8rem;font-weight:400}
.two{display:grid;grid-template-columns:1fr 1fr;gap:2rem}.facts{display:flex;flex-wrap:wrap;gap:.5rem 2rem}
dl,dd,address{margin:0;font-style:normal}table{width:100%;border-collapse:collapse;margin:1.5rem 0 .5rem}
td,th{padding:.4rem 0 .4rem 1rem;vertical-align:top;border-bottom:1px solid color-mix(in srgb,currentColor 25%,#0000)}
td:first-child,th:first-child{padding-left:0;text-align:left;overflow-wrap:anywhere}
.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}.sums{width:60%;margin-left:auto}
.sums td{border:0;padding:.15rem 0}.due td{border-top:1px solid;font-size:1.2rem;font-weight:600}
@media print{@page{size:A4;margin:18mm}body{margin:0;max-width:none;font-size:9.5pt}tr{break-inside:avoid}}
"""


def page(invoice: Invoice) -> str:
    """A whole document. It loads nothing, and every text of it is escaped."""
    it = sheet(invoice)
    words = it["words"]
    head = "".join(
        f'<th scope="col"{right}>{escape(text)}</th>'
        for text, right in (
            (words["item"], ""),
            (words["quantity"], ' class="n"'),
            (words["vat"], ' class="n"'),
            (f"{words['amount']} {it['currency']}", ' class="n"'),
        )
    )
    payment = _pairs(it["payment"])
    return (
        f'<!doctype html><html lang="{it["language"]}"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(it['title'])} {escape(it['number'])}</title><style>{_STYLE}</style>"
        f"<h1>{escape(it['title'])} <span>{escape(it['number'])}</span></h1>"
        f'<div class="two">{_party(it["buyer"])}{_party(it["seller"])}</div>'
        f'<dl class="facts">{_pairs(it["facts"])}</dl>'
        f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(map(_row, it['lines']))}</tbody></table>"
        f'<table class="sums">{_sums(it["sums"])}{_sums([it["due"]], "due")}</table>'
        + "".join(f"<p>{escape(note)}</p>" for note in it["notes"])
        + (f'<dl class="facts">{payment}</dl>' if payment else "")
        + f"<p><small>{escape(it['footer'])}</small></p></html>"
    )


def _party(who: dict[str, Any]) -> str:
    lines = [*who["address"], *who["numbers"], *who["contact"]]
    return (
        f"<address><small>{escape(who['label'])}</small><br><b>{escape(who['name'])}</b>"
        + "".join(f"<br>{escape(line)}" for line in lines)
        + "</address>"
    )


def _pairs(pairs: Iterable[list[str]]) -> str:
    return "".join(f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>" for name, value in pairs)


def _row(row: dict[str, str]) -> str:
    below = "".join(f"<br><small>{escape(text)}</small>" for text in (row["below"], row["formula"]) if text)
    numbers = "".join(f'<td class="n">{escape(row[name])}</td>' for name in ("quantity", "vat", "amount"))
    return f"<tr><td>{escape(row['title'])}{below}</td>{numbers}</tr>"


def _sums(sums: Iterable[list[str]], name: str = "") -> str:
    return "".join(f'<tr class="{name}"><td>{escape(a)}</td><td class="n">{escape(b)}</td></tr>' for a, b in sums)
