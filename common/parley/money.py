"""Money: whole minor units of one currency, exact arithmetic around it, and the one place where anything is rounded.

Three kinds of number, and no other: `int` for minor units, `Decimal` for prices and quantities (always inside
`exact`, so that nothing is rounded unseen), `Fraction` for a part of a period. A float is refused where one could
come in: the exact context traps it.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import Context, Decimal, DivisionByZero, FloatOperation, Inexact, InvalidOperation, Overflow, localcontext
from fractions import Fraction
from functools import wraps
from typing import Final, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

#: Digits. The largest product (quantity × price × percentage) has under 100; an inexact result raises all the same.
_DIGITS = 400
EXACT: Final = Context(prec=_DIGITS, traps=[Inexact, InvalidOperation, DivisionByZero, Overflow, FloatOperation])

#: Currency to the decimals of its minor unit: the active currencies of ISO 4217, list one, as its maintenance agency
#: publishes it. Not CLDR's table, which says what is usually shown, and differs for thirteen of them (IQD, RSD, …).
#: Funds codes and metals are left out: nobody is invoiced in them.
MINOR_UNITS: Final[dict[str, int]] = {
    code: decimals
    for decimals, codes in {
        0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF",
        2: """AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CNY COP
              CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS
              INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN
              MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE
              SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VED VES WST XCD XCG YER ZAR
              ZMW ZWG""",
        3: "BHD IQD JOD KWD LYD OMR TND",
    }.items()
    for code in codes.split()
}


class MoneyProblem(ValueError):
    """A sum that has no meaning: an unknown currency, or two that do not match. The message is a sentence."""


def exact(function: Callable[P, R]) -> Callable[P, R]:
    """Decimals inside `function` are computed exactly, whatever context the caller has; what cannot be, raises."""

    @wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        with localcontext(EXACT):
            return function(*args, **kwargs)

    return run


def minor_units(currency: str) -> int:
    """Decimals of the currency. Raises `MoneyProblem` when it is not known."""
    try:
        return MINOR_UNITS[currency]
    except KeyError:
        raise MoneyProblem(f"{currency!r} is not a currency of ISO 4217 that can be invoiced.") from None


def round_half_away(value: Decimal | Fraction | int, decimals: int) -> Decimal:
    """The one rounding of the project: to `decimals` places, a half goes away from zero.

    So 0.005 is 0.01 and −0.005 is −0.01: a credit note always mirrors its invoice to the cent.
    """
    if not isinstance(value, Decimal | Fraction | int):
        raise TypeError(f"{type(value).__name__} is not exact.")
    numerator, denominator = value.as_integer_ratio()
    doubled = 2 * abs(numerator) * 10**decimals
    steps = (doubled + denominator) // (2 * denominator)
    return Decimal(-steps if numerator < 0 else steps).scaleb(-decimals, EXACT)


def plain(value: Decimal | int) -> str:
    """The shortest exact text: no exponent, no zeros at the end, no minus before a zero."""
    shortest = Decimal(value).normalize(EXACT)
    return format(shortest, "f") if shortest else "0"


@dataclass(frozen=True, slots=True)
class Money:
    """`minor` whole minor units (cents of EUR, yen of JPY, fils of KWD). Two currencies together: `MoneyProblem`."""

    currency: str
    minor: int

    def __post_init__(self) -> None:
        minor_units(self.currency)
        if type(self.minor) is not int:
            raise MoneyProblem(f"{self.minor!r} is not a whole number of minor units.")

    @property
    def value(self) -> Decimal:
        """In major units, with exactly the currency's decimals."""
        return Decimal(self.minor).scaleb(-minor_units(self.currency), EXACT)

    @property
    def text(self) -> str:
        """`12.30` in EUR, `12` in JPY, `12.300` in KWD; without the currency."""
        return format(self.value, "f")

    def __str__(self) -> str:
        return f"{self.text} {self.currency}"

    def __add__(self, other: "Money") -> "Money":
        return Money(self.currency, self.minor + self._same(other).minor)

    def __sub__(self, other: "Money") -> "Money":
        return Money(self.currency, self.minor - self._same(other).minor)

    def __neg__(self) -> "Money":
        return Money(self.currency, -self.minor)

    def __lt__(self, other: "Money") -> bool:
        return self.minor < self._same(other).minor

    def __le__(self, other: "Money") -> bool:
        return self.minor <= self._same(other).minor

    def _same(self, other: "Money") -> "Money":
        if other.currency != self.currency:
            raise MoneyProblem(f"{self.currency} and {other.currency} cannot be put together.")
        return other


def to_money(value: Decimal | Fraction | int, currency: str) -> Money:
    """`value` in major units, rounded half away from zero to the currency's minor unit."""
    decimals = minor_units(currency)
    return Money(currency, int(round_half_away(value, decimals).scaleb(decimals, EXACT)))


def total(currency: str, parts: Iterable[Money]) -> Money:
    """The sum; zero of no parts."""
    return sum(parts, start=Money(currency, 0))


def allocate(whole: Money, weights: Sequence[int]) -> list[Money]:
    """`whole` in parts by weight that add up to it exactly: each share rounded towards zero, and what is then left
    over given in single minor units to the largest remainders; among equal ones the earlier part gets it.

    Raises `MoneyProblem` when a weight is negative, or none is above zero.
    """
    if any(weight < 0 for weight in weights):
        raise MoneyProblem("A weight is negative.")
    together = sum(weights)
    if together == 0:
        raise MoneyProblem("No weight is above zero: there is nobody to give it to.")
    amount = abs(whole.minor)
    shares = [divmod(amount * weight, together) for weight in weights]
    left = amount - sum(share for share, _ in shares)
    by_remainder = sorted(range(len(weights)), key=lambda part: -shares[part][1])
    lucky = set(by_remainder[:left])
    sign = -1 if whole.minor < 0 else 1
    return [Money(whole.currency, sign * (share + (part in lucky))) for part, (share, _) in enumerate(shares)]
