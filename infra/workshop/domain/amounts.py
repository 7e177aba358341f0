"""Amounts of money as text, converted to exact cents, and the decimal signs that such texts prove.

One rule holds for both signs. A sign that occurs once, between one to three digits (the first is not 0) and exactly three
digits, may separate thousands or decimals: such a text is ambiguous. Any other text with a sign shows the sign of its column.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from decimal import Decimal

RESIDUE = Decimal("1e-6")  # the rounding error of binary fractions: 12.340000001, 4.4e-16
MOST_CENTS = 10**12  # `features` can add up such amounts in 64 bits
POINT, COMMA = ".", ","
SIGNS = (POINT, COMMA)
LONGEST = 60  # characters

_CODES = """AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF
CLF CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HRK HTG HUF
IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP
MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK
SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS VED VES VND VUV WST XAF XCD
XCG XOF XPF YER ZAR ZMW ZWG XAU XAG DEM FRF ITL ESP ATS BEF NLG PTE GRD FIM IEP LUF RMB NTD NIS"""
_NAMES = """euros euro eur. kr. kr sfr. sfr fr. fr zł zl kč kc ft rp. rp rs. rs rm dh dhs tl lei leu ден din. din дин. дин лв.
лв руб. руб р. грн. грн сум тг so'm s/. s/ b/. bs. gs. nkr dkr skr fcfa cfa kn dt ksh tsh ush us ca au hk nt nz
sg mx r 円 元 원 圓 dollars dollar pounds pound francs franc"""
# Only complete words match: MIO, MRD, TSD or M after a number are magnitudes, not currencies.
_WORDS = "|".join(re.escape(word) for word in sorted((*_CODES.split(), *_NAMES.split()), key=len, reverse=True))
_SIGNS_OF_SCRIPTS = (*range(0x80, 0x3100), *range(0xA600, 0xAC00), *range(0xFD00, 0x10000))  # the others are letters
_SYMBOLS = "$" + "".join(chr(code) for code in _SIGNS_OF_SCRIPTS if unicodedata.category(chr(code)) == "Sc")
_CURRENCY = re.compile(
    rf"(?<![^\W\d_])(?:(?:{_WORDS})?[{_SYMBOLS}](?:us|ca|au)?|(?:{_WORDS}))(?![^\W\d_])", re.IGNORECASE
)
_SIGNED = re.compile(r"(?P<open>\()?\s*(?P<lead>[+-])?\s*(?P<number>[0-9.,٫].*?)\s*(?P<trail>[+-])?\s*(?P<close>\))?")
_DASHES = re.compile(r"([.,])\s*[-–—]+(?=[^0-9]*$)")  # CHF 12.-
_ONE_SIGN = re.compile(r"(?P<whole>[0-9]*)(?:(?P<sign>[.,٫])(?P<rest>[0-9]*))?(?:[eE](?P<power>[+-]?[0-9]{1,3}))?")
_GROUPS = re.compile(
    r"(?P<whole>[0-9]{1,3}(?P<by>[.,' ])[0-9]{3}(?:(?P=by)[0-9]{3})*|[0-9]{1,2}(?P<indian>,)(?:[0-9]{2},)+[0-9]{3})"
    r"(?:(?P<sign>[.,٫])(?P<rest>[0-9]*))?"
)
_OTHER = {POINT: COMMA, COMMA: POINT}


def _plain_signs() -> dict[int, str]:
    """Return the ASCII characters for similar ones: digits of all scripts, blanks, apostrophes, dashes."""
    table: dict[int, str] = {}
    for code in _SIGNS_OF_SCRIPTS:
        sign = chr(code)
        if (value := unicodedata.decimal(sign, None)) is not None:
            table[code] = str(value)
        elif unicodedata.category(sign) == "Zs":
            table[code] = " "
        elif unicodedata.category(sign) == "Cf":  # marks of the writing direction, joiners
            table[code] = ""
    table |= dict.fromkeys(map(ord, "’‘ʼʹ′´`＇٬"), "'")
    table |= dict.fromkeys(map(ord, "−﹣－‐‑"), "-")
    return table | {ord("．"): ".", ord("，"): ",", ord("（"): "(", ord("）"): ")", ord("＋"): "+", ord("\t"): " "}


PLAIN_SIGNS = _plain_signs()


class Unreadable(ValueError):
    """The value has no meaning, or more than one; the message has the reason."""


@dataclass(frozen=True)
class Written:
    """A parsed amount.

    Attributes:
        size: the absolute value; if `ambiguous` is set, with that sign as the decimal sign.
        negative: whether the amount is below 0.
        decimal: the decimal sign that the text proves, "." or ","; empty if it proves none.
        ambiguous: the sign that may separate thousands or decimals; empty if the text is not ambiguous.
    """

    size: Decimal
    negative: bool
    decimal: str
    ambiguous: str


def written(text: str) -> Written:
    """Parse an amount: 12.34, (12.34), 12.34-, € 1.234,56, $1,234.56, 1 234,56 EUR, 1,23,456.78, CHF 12.-.

    Raises:
        Unreadable: the text is not an amount.
    """
    if len(text) > LONGEST:
        raise Unreadable(f"the amount {text[:20]!r}… is not a number")
    plain = text if text.isascii() else text.translate(PLAIN_SIGNS)
    bare = plain if plain.replace(".", "", 1).isdigit() else _CURRENCY.sub(" ", plain, count=1).strip()
    found = _SIGNED.fullmatch(_DASHES.sub(r"\g<1>00", bare))
    if not found or bool(found["open"]) != bool(found["close"]):
        raise Unreadable(f"the amount {text!r} is not a number" if text.strip() else "there is no amount")
    signs = [sign for sign in (found["open"], found["lead"], found["trail"]) if sign]
    if len(signs) > 1:
        raise Unreadable(f"the amount {text!r} has two signs")
    size, decimal, ambiguous = _number(found["number"], text)
    return Written(size, bool(signs) and signs != ["+"], decimal, ambiguous)


def cents(text: str, decimal: str = "") -> int:
    """Return an amount as whole cents.

    Args:
        decimal: the decimal sign of the column, "." or ","; it resolves ambiguous texts.

    Raises:
        Unreadable: the text is not an amount, has more than two decimals, or is ambiguous.
    """
    found = written(text)
    size = found.size
    if found.ambiguous and not decimal:
        readings = f"as {size.normalize():f} or {size * 1000:.0f}"
        raise Unreadable(f"the amount {text!r} can be read in two ways, {readings}: use --decimal , or --decimal .")
    if found.ambiguous and found.ambiguous != decimal:
        size *= 1000
    whole = _hundredfold(size, text)
    return -whole if found.negative else whole


def _number(digits: str, text: str) -> tuple[Decimal, str, str]:
    """Return the value, the decimal sign that the digits prove, and the ambiguous sign."""
    if (one := _ONE_SIGN.fullmatch(digits)) and (one["whole"] or one["rest"]):
        whole, sign, rest = one["whole"], one["sign"] or "", one["rest"] or ""
        size = Decimal(f"{whole or 0}.{rest or 0}").scaleb(int(one["power"] or 0))
        if sign in SIGNS and not one["power"] and len(rest) == 3 and 1 <= len(whole) <= 3 and whole[0] != "0":
            return size, "", sign
        return size, sign if sign in SIGNS and not one["power"] else "", ""
    groups = _GROUPS.fullmatch(digits)
    by = (groups["by"] or groups["indian"]) if groups else ""
    if not groups or groups["sign"] == by:
        raise Unreadable(f"the amount {text!r} is not a number")
    size = Decimal(f"{groups['whole'].replace(by, '')}.{groups['rest'] or 0}")
    sign = groups["sign"] or _OTHER.get(by, "")
    return size, sign if sign in SIGNS else "", ""


def _hundredfold(amount: Decimal, text: str) -> int:
    if amount and amount.adjusted() > 13:
        raise Unreadable(f"the amount {text!r} is too large")
    whole = int((amount * 100).to_integral_value())
    if abs(amount - Decimal(whole) / 100) > RESIDUE:
        raise Unreadable(f"the amount {text!r} has more than two decimals")
    return whole
