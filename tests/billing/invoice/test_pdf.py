"""The PDF by readers that did not write it: its structure, what is attached, what stands on its pages."""

import io
import re
from typing import Any

import pikepdf
import pypdfium2  # type: ignore[import-untyped]
import pytest
from msgspec.structs import replace

from kit.invoices import BERLIN, MOSCOW, PARIS, TOKYO, an_invoice, basis_of, numbered
from kit.official_rules import complaints
from parley_billing.core.invoice.cii import cii
from parley_billing.core.invoice.crediting import credit
from parley_billing.core.invoice.drafting import draft
from parley_billing.core.invoice.invoice import Invoice
from parley_billing.core.invoice.page import page
from parley_billing.core.invoice.pdf_metadata import say_what_is_attached
from parley_billing.core.invoice.summing import tax_groups, totals
from parley_billing.shell.invoice_pdf import pdf

LONG = replace(
    BERLIN,
    name="Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft mbH & Co. KGaA " * 2,
    street="Straße der außerordentlich langen Namen in der Gemeinde Wolkenkuckucksheim 123 a",
)


def lines(number: int) -> Invoice:
    invoice = an_invoice(language="en")
    many = [replace(invoice.lines[n % 3], id=n + 1) for n in range(number)]
    groups = tax_groups(many, [], invoice.currency)
    return replace(invoice, lines=many, taxes=groups, totals=totals(many, [], groups, invoice.currency))


def note() -> Invoice:
    return numbered(credit(an_invoice(language="de"), "id", [], "Störung am 3. Oktober"), 2)


CASES: dict[str, tuple[Invoice, list[str]]] = {
    "English": (an_invoice(buyer=PARIS, language="en"), ["Invoice", "Le Journal SAS", "Reverse charge", "68.09 EUR"]),
    "German": (an_invoice(language="de"), ["Rechnung", "Leistungszeitraum", "81,03 EUR", "USt 19 %", "01.10.2026"]),
    "Russian": (an_invoice(buyer=MOSCOW, language="ru"), ["Счёт", "ООО «Пример Медиа»", "Не облагается НДС"]),
    "Japanese": (an_invoice(buyer=TOKYO, language="ja"), ["請求書", "株式会社サンプル新聞社", "2026年10月1日"]),
    "a long name": (an_invoice(buyer=LONG, language="de"), ["Rechnung", "KGaA"]),
    "no usage": (an_invoice(usage={"pubSubMessageCount": 0}), ["0 messages", "29.00"]),
    "a credit note": (note(), ["Rechnungskorrektur", "Zur Rechnung", "PRL-000001", "Störung am 3. Oktober"]),
    "300 lines": (lines(300), ["Invoice", "Amount due", "Page 1 of 16"]),
}


def text_of(data: bytes) -> str:
    document = pypdfium2.PdfDocument(data)
    text = "\n".join(one.get_textpage().get_text_range() for one in document)
    document.close()
    return re.sub(r"\s+", " ", text.replace("\ufffe", ""))


@pytest.mark.parametrize("case", CASES)
def test_it_is_a_tagged_pdf_a_3_with_the_invoice_attached(case: str) -> None:
    invoice, said = CASES[case]
    data = pdf(invoice)
    assert pdf(invoice) == data, "the same bytes each time"
    with pikepdf.open(io.BytesIO(data)) as opened:
        assert opened.check_pdf_syntax() == []
        (file,) = opened.Root.AF
        assert (str(file.AFRelationship), str(file.F)) == ("/Alternative", "factur-x.xml")
        assert bytes(file.EF.F.read_bytes()) == cii(invoice)
        assert str(file.EF.F.Subtype) == "/text/xml"
        assert opened.Root.MarkInfo.Marked and "/StructTreeRoot" in opened.Root
        assert str(opened.Root.Lang) == invoice.language
        assert [str(one.S) for one in opened.Root.OutputIntents] == ["/GTS_PDFA1"]
        xmp = opened.open_metadata()
        assert (xmp["pdfaid:part"], xmp["pdfaid:conformance"]) == ("3", "A")
        fx = "{urn:factur-x:pdfa:CrossIndustryDocument:invoice:1p0#}"
        assert [xmp[fx + name] for name in ("DocumentType", "DocumentFileName", "Version", "ConformanceLevel")] == [
            "INVOICE", "factur-x.xml", "1.0", "EN 16931",
        ]  # fmt: skip
        assert all(_embedded(font) for one in opened.pages for font in one.Resources.get("/Font", {}).values())
    text = text_of(data)
    for words in said:
        assert words.replace(" ", "") in text.replace(" ", ""), words
    assert complaints(cii(invoice), "cii") == []


def _embedded(font: Any) -> bool:
    descriptor = font.DescendantFonts[0].FontDescriptor if "/DescendantFonts" in font else font.FontDescriptor
    return any(name in descriptor for name in ("/FontFile", "/FontFile2", "/FontFile3"))


def test_no_text_leaves_the_page() -> None:
    for case in ("a long name", "300 lines", "Japanese"):
        document = pypdfium2.PdfDocument(pdf(CASES[case][0]))
        for one in document:
            width, height = one.get_size()
            text = one.get_textpage()
            for place in range(text.count_chars()):
                left, bottom, right, top = text.get_charbox(place)
                assert 40 <= left <= right <= width - 40 and 25 <= bottom <= top <= height - 25, case
        document.close()


def test_a_draft_says_so_and_carries_no_xml() -> None:
    data = pdf(draft(basis_of(language="de")))
    with pikepdf.open(io.BytesIO(data)) as opened:
        assert "/AF" not in opened.Root
    assert "Entwurf" in text_of(data)


def test_another_writers_pdf_is_refused() -> None:
    with pytest.raises(ValueError, match="has not the form"):
        say_what_is_attached(b"%PDF-1.7\n%%EOF")


def test_the_page_for_browsers_says_the_same_and_escapes() -> None:
    invoice = an_invoice(buyer=replace(BERLIN, name="<script>alert(1)</script>"), language="de")
    text = page(invoice)
    assert "&lt;script&gt;alert(1)" in text and "<script" not in text
    assert "81,03 EUR" in text and 'lang="de"' in text
