"""From a basis to a draft: the same bytes whenever, and by whomever, it is made."""

from decimal import Decimal

from msgspec.structs import replace

from parley.money import Money, exact, plain, to_money, total
from parley_billing.core.invoice.basis import Basis, Earlier
from parley_billing.core.invoice.charging import Charged, amounts, charge
from parley_billing.core.invoice.invoice import Allowance, Covered, Invoice, Line, Payment
from parley_billing.core.invoice.party import Party
from parley_billing.core.invoice.summing import tax_groups, totals
from parley_billing.core.invoice.tax import InvoiceProblem, Tax, treatment
from parley_billing.core.rating.statement import Statement


@exact
def draft(basis: Basis) -> Invoice:
    """The invoice without number and dates. Raises `InvoiceProblem`, `RatingProblem` or `MoneyProblem`."""
    tax = treatment(basis.seller, basis.account.buyer, basis.account.exempt)
    lines: list[Line] = []
    allowances: list[Allowance] = []
    covers: list[Covered] = []
    currency = _currency(basis)
    if basis.metered is not None:
        charged, statement = charge(basis.metered, basis.account)
        lines += [_line(one, tax) for one in charged]
        allowances += _allowances(charged, statement, tax)
        covers.append(Covered(basis.metered.period, basis.cutoff, basis.metered.usage, amounts(charged)))
    for earlier in basis.earlier:
        late, covered = _late(earlier, tax, basis.cutoff)
        lines += late
        if late or covered.usage != earlier.billed.usage:
            covers.append(covered)
    if not lines:
        raise InvoiceProblem(f"There is nothing to invoice {basis.tenant} for.")
    lines = [replace(line, id=number) for number, line in enumerate(lines, start=1)]
    groups = tax_groups(lines, allowances, currency)
    seller, buyer = _named(basis.seller.party, tax), _named(basis.account.buyer, tax)
    return Invoice(
        kind="invoice",
        tenant=basis.tenant,
        seller=seller,
        buyer=buyer,
        currency=currency,
        language=basis.account.language,
        period=basis.period,
        time_zone=basis.time_zone,
        as_of=basis.as_of,
        lines=lines,
        allowances=allowances,
        taxes=groups,
        totals=totals(lines, allowances, groups, currency),
        payment=Payment(
            basis.seller.payment_days, basis.seller.iban, basis.seller.bic, basis.seller.account_name or seller.name
        ),
        covers=covers,
        reference=basis.account.reference,
        order=basis.account.order,
        footer=basis.seller.footer,
    )


def _currency(basis: Basis) -> str:
    metered = [*([basis.metered] if basis.metered else []), *(earlier.metered for earlier in basis.earlier)]
    currencies = {agreed.plan.currency for one in metered for agreed in one.plans}
    if len(currencies) != 1:
        raise InvoiceProblem(
            f"{basis.tenant} has amounts in {', '.join(sorted(currencies)) or 'no currency'}: one is possible."
        )
    return currencies.pop()


def _named(party: Party, tax: Tax) -> Party:
    """Outside of VAT's scope nobody's VAT identifier is named (BR-O-02); the seller's remains as a tax number."""
    if tax.category != "O":
        return party
    return replace(party, vat_id="", tax_number=party.tax_number or party.vat_id)


def _line(one: Charged, tax: Tax) -> Line:
    formula = one.rated.formula if one.rated is not None else ""
    quantity = one.rated.quantity if one.rated is not None and one.meter is not None else None
    kind = "minimum" if one.key == "minimum" else "charge"
    return Line(0, kind, one.name, one.money.value, tax, one.period, one.plan, one.meter, quantity, formula)  # type: ignore[arg-type]


def _allowances(charged: list[Charged], statement: Statement, tax: Tax) -> list[Allowance]:
    """What was taken off all lines together, step by step as the statement has it."""
    taken: list[Allowance] = []
    left = total(statement.net.currency, (line.money for line in statement.lines))
    for step in statement.steps:
        if not (step.name.startswith("coupon ") or step.name == "maximum"):
            continue
        after = to_money(step.amount.value, left.currency)
        if (off := left - after).minor:
            taken.append(Allowance(step.name, off.value, tax))
        left = after
    none = Money(left.currency, 0)
    assert total(left.currency, (one.money - one.share for one in charged)).value == sum(
        (one.amount for one in taken), none.value
    )
    return taken


def _late(earlier: Earlier, tax: Tax, cutoff: int) -> tuple[list[Line], Covered]:
    """The period rated again as a whole, minus what was billed of it, line by line."""
    charged, _ = charge(earlier.metered, earlier.account)
    now = amounts(charged)
    by_key = {one.key: one for one in charged}
    billed = earlier.billed
    lines = []
    for key in dict.fromkeys([*now, *billed.amounts]):
        new, old = now.get(key, Decimal(0)), billed.amounts.get(key, Decimal(0))
        if new == old:
            continue
        one = by_key.get(key)
        formula = one.rated.formula if one is not None and one.rated is not None else f"= {plain(new)}"
        share = "" if one is None or one.money == one.share else f"; after coupons and maximum = {plain(new)}"
        currency = earlier.metered.plans[0].plan.currency
        difference = to_money(new - old, currency)
        lines.append(
            Line(
                0,
                "late",
                one.name if one is not None else "minimum charge",
                difference.value,
                tax,
                one.period if one is not None else earlier.metered.period,
                one.plan if one is not None else "",
                one.meter if one is not None else None,
                one.rated.quantity if one is not None and one.rated is not None and one.meter is not None else None,
                f"{formula}{share}; {plain(new)} − {plain(old)} ({earlier.number}) = {difference.text}",
            )
        )
    return lines, Covered(earlier.metered.period, cutoff, earlier.metered.usage, now)
