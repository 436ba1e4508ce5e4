"""What Factur-X wants of a PDF's metadata, added to a finished PDF by an incremental update (ISO 32000-1, 7.5.6).

Nothing of the file is changed: its metadata object is written once more at the end, with the description of the
attached invoice, and a further cross-reference section names it. The file must be one that `typst` wrote: a classic
cross-reference table, and metadata as an uncompressed stream.
"""

import re

_NAMESPACE = "urn:factur-x:pdfa:CrossIndustryDocument:invoice:1p0#"


def _property(name: str, about: str) -> str:
    return (
        f'<rdf:li rdf:parseType="Resource"><pdfaProperty:name>{name}</pdfaProperty:name>'
        "<pdfaProperty:valueType>Text</pdfaProperty:valueType><pdfaProperty:category>external</pdfaProperty:category>"
        f"<pdfaProperty:description>{about}</pdfaProperty:description></rdf:li>"
    )


_PROPERTIES = "".join(
    (
        _property("DocumentFileName", "The name of the embedded XML document"),
        _property("DocumentType", "The type of the hybrid document in capital letters"),
        _property("Version", "The actual version of the standard applying to the embedded XML document"),
        _property("ConformanceLevel", "The conformance level of the embedded XML document"),
    )
)
_SCHEMA = (
    '<rdf:li rdf:parseType="Resource"><pdfaSchema:schema>Factur-X PDFA Extension Schema</pdfaSchema:schema>'
    f"<pdfaSchema:namespaceURI>{_NAMESPACE}</pdfaSchema:namespaceURI><pdfaSchema:prefix>fx</pdfaSchema:prefix>"
    f"<pdfaSchema:property><rdf:Seq>{_PROPERTIES}</rdf:Seq></pdfaSchema:property></rdf:li>"
)
_SAID = (
    f'<rdf:Description rdf:about="" xmlns:fx="{_NAMESPACE}"><fx:DocumentType>INVOICE</fx:DocumentType>'
    "<fx:DocumentFileName>factur-x.xml</fx:DocumentFileName><fx:Version>1.0</fx:Version>"
    "<fx:ConformanceLevel>EN 16931</fx:ConformanceLevel></rdf:Description>"
)

_METADATA = re.compile(rb"(\d+) 0 obj\n<</Length (\d+)/Type/Metadata/Subtype/XML>>\nstream\n")
_TRAILER = re.compile(rb"trailer\n<<(.*)>>\nstartxref\n(\d+)\n%%EOF\s*\Z", re.DOTALL)
_SCHEMAS = b"<pdfaExtension:schemas><rdf:Bag>"
_END = b"</rdf:RDF>"


def say_what_is_attached(pdf: bytes) -> bytes:
    """The same PDF that also says what `factur-x.xml` is. Raises `ValueError` for another writer's."""
    found, trailer = _METADATA.search(pdf), _TRAILER.search(pdf)
    if found is None or trailer is None or pdf.count(_SCHEMAS) != 1 or pdf.count(_END) != 1:
        raise ValueError("This PDF has not the form that its metadata could be added to.")
    xmp = pdf[found.end() : found.end() + int(found[2])]
    xmp = xmp.replace(_SCHEMAS, _SCHEMAS + _SCHEMA.encode()).replace(_END, _SAID.encode() + _END)
    place = len(pdf) + 1
    body = b"%s 0 obj\n<</Length %d/Type/Metadata/Subtype/XML>>\nstream\n%s\nendstream\nendobj\n" % (
        found[1],
        len(xmp),
        xmp,
    )
    table = b"xref\n%s 1\n%010d 00000 n \ntrailer\n<<%s/Prev %s>>\nstartxref\n%d\n%%%%EOF\n" % (
        found[1],
        place,
        trailer[1],
        trailer[2],
        place + len(body),
    )
    return pdf + b"\n" + body + table
