"""An invoice as PDF/A-3 with its XML inside, set by typst. Work for a processor: run it in a process of its own."""

from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import msgspec

from parley_billing.core.invoice.cii import cii
from parley_billing.core.invoice.invoice import Invoice
from parley_billing.core.invoice.pdf_metadata import say_what_is_attached
from parley_billing.core.invoice.sheet import sheet
from parley_billing.core.invoice.tax import InvoiceProblem

#: PDF/A-3 with all of its structure: text can be read out, and copied as it is read.
STANDARD = "a-3a"
#: Packages whose folder holds fonts; those that are not installed are left out.
FONTS = ("fontpkg_inter", "justmytype_intl_cjk")


def pdf(invoice: Invoice) -> bytes:
    """The same bytes for the same invoice, typst and fonts. Raises `InvoiceProblem` when it cannot be set."""
    typst, fonts = _tools()
    told = sheet(invoice)
    inputs = {"sheet": msgspec.json.encode(told).decode()}
    if told["attached"]:
        inputs["xml"] = cii(invoice).decode()
    source = Path(str(files("parley_billing.shell").joinpath("invoice.typ")))
    compiler = typst.Compiler(source, font_paths=fonts, sys_inputs=inputs)
    try:
        made: bytes = compiler.compile(format="pdf", pdf_standards=[STANDARD], timestamp=_moment(invoice))
    except typst.TypstError as problem:
        raise InvoiceProblem(
            f"{invoice.number or 'The draft'} cannot be set: {problem.message}. Chinese, Japanese and Korean need "
            "`pip install parley[invoices-cjk]`."
        ) from problem
    return say_what_is_attached(made) if told["attached"] else made


@cache
def _tools() -> tuple[Any, Any]:
    try:
        import typst
    except ImportError:
        raise InvoiceProblem("PDF needs `pip install parley[invoices]`.") from None
    return typst, typst.Fonts(include_system_fonts=False, font_paths=_folders())


def _folders() -> list[str]:
    found = []
    for name in FONTS:
        try:
            found.append(str(files(name)))
        except ModuleNotFoundError:
            continue
    return found


def _moment(invoice: Invoice) -> int:
    """Seconds since the epoch that the file says it was made: the day of issue, so that it can be made again."""
    if invoice.issued is None:
        return invoice.as_of // 1000
    return (invoice.issued.toordinal() - 719_163) * 86_400
