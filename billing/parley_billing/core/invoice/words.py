"""What invoices say in each of their languages: words, numbers, days."""

from datetime import date
from decimal import Decimal
from typing import Final

from parley_billing.core.invoice.invoice import Line, Span
from parley_billing.core.invoice.party import Language

#: word → (en, de, ru, ja).
_WORDS: Final[dict[str, tuple[str, str, str, str]]] = {
    "invoice": ("Invoice", "Rechnung", "Счёт", "請求書"),
    "creditNote": ("Credit note", "Rechnungskorrektur", "Кредит-нота", "クレジットノート"),
    "draft": ("Draft", "Entwurf", "Черновик", "下書き"),
    "number": ("Number", "Nummer", "Номер", "番号"),
    "issued": ("Date of issue", "Ausstellungsdatum", "Дата выставления", "発行日"),
    "due": ("Due date", "Zahlbar bis", "Оплатить до", "支払期限"),
    "period": ("Service period", "Leistungszeitraum", "Период оказания услуг", "利用期間"),
    "original": ("For invoice", "Zur Rechnung", "К счёту", "対象請求書"),
    "reference": ("Your reference", "Ihr Zeichen", "Ваша ссылка", "貴社参照番号"),
    "order": ("Purchase order", "Bestellnummer", "Номер заказа", "注文番号"),
    "seller": ("From", "Von", "Поставщик", "請求元"),
    "buyer": ("Bill to", "Rechnungsempfänger", "Покупатель", "請求先"),
    "vatId": ("VAT ID", "USt-IdNr.", "НДС-номер", "VAT番号"),
    "taxNumber": ("Tax number", "Steuernummer", "Налоговый номер", "税務番号"),
    "companyId": ("Company no.", "Register-Nr.", "Рег. номер", "登録番号"),
    "item": ("Item", "Position", "Наименование", "品目"),
    "quantity": ("Quantity", "Menge", "Количество", "数量"),
    "vat": ("VAT", "USt", "НДС", "税率"),
    "amount": ("Amount", "Betrag", "Сумма", "金額"),
    "subtotal": ("Sum of lines", "Summe der Positionen", "Сумма позиций", "明細合計"),
    "net": ("Total without VAT", "Summe netto", "Итого без НДС", "税抜合計"),
    "gross": ("Total with VAT", "Summe brutto", "Итого с НДС", "税込合計"),
    "payable": ("Amount due", "Zahlbetrag", "К оплате", "ご請求金額"),
    "credited": ("Amount credited", "Gutgeschriebener Betrag", "Сумма кредита", "返金額"),
    "base": ("on", "auf", "с суммы", "対象額"),
    "pay": ("Payment", "Zahlung", "Оплата", "お支払い"),
    "holder": ("Account holder", "Kontoinhaber", "Получатель", "口座名義"),
    "purpose": ("Payment reference", "Verwendungszweck", "Назначение платежа", "振込時の参照番号"),
    "page": ("Page", "Seite", "Страница", "ページ"),
    "of": ("of", "von", "из", "/"),
    "late": ("Late usage", "Nachträgliche Nutzung", "Позднее поступившее использование", "遅延計上分"),
    "coupon": ("Coupon", "Gutschein", "Купон", "クーポン"),
    "maximum": ("Agreed maximum", "Vereinbarter Höchstbetrag", "Согласованный максимум", "上限額の適用"),
    "minimum": ("Agreed minimum", "Vereinbarter Mindestbetrag", "Согласованный минимум", "最低利用料金"),
    "credit": ("Credit", "Korrektur", "Кредит", "減額"),
    "AE": (
        "Reverse charge: the recipient owes the VAT.",
        "Steuerschuldnerschaft des Leistungsempfängers (Reverse charge).",
        "Обратное начисление: НДС уплачивает получатель (Reverse charge).",
        "リバースチャージ：受領者が付加価値税を納付します (Reverse charge)。",
    ),
    "O": ("Not subject to VAT.", "Nicht der Umsatzsteuer unterliegend.", "Не облагается НДС.", "課税対象外です。"),
    "attached": (
        "This PDF carries the same invoice for machines (Factur-X, EN 16931) as the file factur-x.xml.",
        "Diese PDF-Datei enthält die Rechnung auch maschinenlesbar (Factur-X/ZUGFeRD, EN 16931) als factur-x.xml.",
        "Этот PDF содержит тот же счёт в машиночитаемом виде (Factur-X, EN 16931): файл factur-x.xml.",
        "このPDFには、機械可読の電子請求書（Factur-X、EN 16931）factur-x.xml が添付されています。",
    ),
    "pubSubMessageCount": ("messages", "Nachrichten", "сообщений", "メッセージ"),
    "pubSubBandwidth": ("bytes", "Byte", "байт", "バイト"),
    "presenceMessageCount": ("presence messages", "Präsenz-Nachrichten", "сообщений присутствия", "在席メッセージ"),
    "presenceBandwidth": ("presence bytes", "Präsenz-Byte", "байт присутствия", "在席バイト"),
    "replayMessageCount": ("replayed messages", "wiederholte Nachrichten", "повторных сообщений", "再送メッセージ"),
    "replayBandwidth": ("replayed bytes", "wiederholte Byte", "повторных байт", "再送バイト"),
}
_LANGUAGES: Final[tuple[Language, ...]] = ("en", "de", "ru", "ja")
#: (between thousands, before decimals).
_SIGNS: Final[dict[Language, tuple[str, str]]] = {
    "en": (",", "."),
    "de": (".", ","),
    "ru": ("\N{NO-BREAK SPACE}", ","),
    "ja": (",", "."),
}
_DAYS: Final[dict[Language, str]] = {
    "en": "{0.day} {1} {0.year}",
    "de": "{0:%d.%m.%Y}",
    "ru": "{0:%d.%m.%Y}",
    "ja": "{0.year}年{0.month}月{0.day}日",
}
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def word(language: Language, name: str) -> str:
    """What the invoice says for it."""
    return _WORDS[name][_LANGUAGES.index(language)]


def number(language: Language, value: Decimal) -> str:
    """`1.234,50`: with all its decimals, thousands apart, a true minus."""
    thousands, point = _SIGNS[language]
    whole, _, decimals = format(abs(value), ",f").partition(".")
    text = whole.replace(",", thousands) + (point + decimals if decimals else "")
    return f"−{text}" if value < 0 else text


def day(language: Language, when: date) -> str:
    """`31 Oct 2026`, `31.10.2026`, `2026年10月31日`."""
    return _DAYS[language].format(when, _MONTHS[when.month - 1])


def days(language: Language, span: Span) -> str:
    """From its first to its last day."""
    return f"{day(language, span.start)} – {day(language, span.last)}"


def title(language: Language, line: Line) -> str:
    """What a line is for: a charge's `base-fee` is "Base fee". Late usage names the period that it is of."""
    name = line.name.replace("-", " ").capitalize() if line.kind != "credit" else line.name
    if line.kind == "late":
        return f"{word(language, 'late')} {days(language, line.period)}: {name}"
    return word(language, "minimum") if line.kind == "minimum" else name


def allowance(language: Language, reason: str) -> str:
    """`coupon spring` and `maximum` as people read them."""
    if reason.startswith("coupon "):
        return f"{word(language, 'coupon')} {reason.removeprefix('coupon ')}"
    return word(language, reason)
