"""Encoding of a text, detected by its byte order mark, as valid UTF-8, or by its letters.

A single-byte encoding is chosen by its likelihood: letters of one language in the places where that language has letters.
"créée" in Windows-1252 is "crййe" in Windows-1251 and "crÈÈe" on an old Macintosh, which are unlikely words.
"""

from __future__ import annotations

import codecs
import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise

from charset_normalizer import from_bytes

from workshop.base.errors import WorkshopError
from workshop.ingest.alphabets import EAST_ASIAN, ENCODINGS

CODECS = (
    "idna",
    "punycode",
    "unicode_escape",
    "raw_unicode_escape",
)  # they decode text, but no file is written in them
UTF_8 = "utf-8-sig"
MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
SAMPLE = 24_000  # bytes of lines with characters beyond ASCII, for the detection
MARGIN = 2.0  # the minimum lead of the best reading over the next one, as a natural logarithm
WORST = -5.0  # the minimum mean log-likelihood of a character in a reading
_RARE = {"strange": -9.0, "foreign": -8.0, "rare": -13.0, "symbol": -4.0, "money": -1.5}
_BEYOND_ASCII = bytes(range(128, 256))
_MONEY, _SYMBOLS = set("€£"), set("€£¥§°«»‹›“”‘’„‚–—…•·¿¡ºª²³½¼¾µ×÷±©®™´\u00a0\u00ad№")
_EAST_ASIAN_WORD = re.compile(r"[^\x00-\x7f]+")
_WORD = re.compile(r"[^\W_]+|[^\x00-\x7f]")


@dataclass(frozen=True)
class Encoding:
    """The encoding of a text.

    Attributes:
        name: a codec of Python.
        damaged: whether some lines are invalid in it; rows with such bytes are refused one by one.
        given: whether the user chose the encoding.
    """

    name: str = UTF_8
    damaged: bool = False
    given: bool = False

    @property
    def errors(self) -> str:
        """The decoder's error handler; in a damaged text, lone surrogates mark the rows with invalid bytes."""
        return "surrogateescape" if self.damaged else "strict"

    def __str__(self) -> str:
        return "utf-8" if self.name == UTF_8 else self.name


@dataclass
class Scan:
    """Detection of a text's encoding, block by block, with a sample of the lines that are not UTF-8."""

    name: str
    invalid: list[bytes] = field(default_factory=list)
    _size: int = 0  # of the sample
    _valid: int = 0  # bytes beyond ASCII in lines that are UTF-8
    _invalid: int = 0
    _rest: bytes = b""

    def see(self, block: bytes) -> None:
        """Examine one more block."""
        if not self._rest and block.isascii():
            return
        end = block.rfind(b"\n") + 1
        if not end and len(self._rest) < 1 << 22:  # a longer line is refused when the rows are read
            self._rest += block
            return
        self._look(self._rest + block[:end])
        self._rest = block[end:]

    def decide(self) -> Encoding:
        """Return the encoding.

        Raises:
            WorkshopError: the encoding cannot be determined.
        """
        self._look(self._rest)
        if not self.invalid:
            return Encoding()
        if self._valid > self._invalid:
            return Encoding(damaged=True)
        return Encoding(_likeliest(b"\n".join(self.invalid), self.name))

    def _look(self, lines: bytes) -> None:
        if _is_utf_8(lines):
            self._valid += 0 if lines.isascii() else _beyond_ascii(lines)
            return
        for line in lines.split(b"\n"):
            if line.isascii():
                continue
            if _is_utf_8(line):
                self._valid += _beyond_ascii(line)
                continue
            self._invalid += _beyond_ascii(line)
            if self._size < SAMPLE:
                self._size += min(len(line), 4_000) + 1
                self.invalid.append(line[:4_000])


def _is_utf_8(text: bytes) -> bool:
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


def _beyond_ascii(text: bytes) -> int:
    return len(text) - len(text.translate(None, _BEYOND_ASCII))


def given(name: str, path_name: str) -> Encoding:
    """Return the encoding that the user named.

    Raises:
        WorkshopError: Python has no such text encoding.
    """
    try:
        found = codecs.lookup(name)
        "é".encode(found.name, "ignore")
        if not found._is_text_encoding or found.name.replace("-", "_") in CODECS:
            raise LookupError
    except (LookupError, UnicodeError, TypeError, ValueError):
        raise WorkshopError(
            f"{path_name} cannot be read: '{name}' is not the name of an encoding.",
            "Names are utf-8, windows-1252, iso-8859-15, utf-16, windows-1250, shift_jis and others.",
        ) from None
    return Encoding(UTF_8 if found.name == "utf-8" else found.name, given=True)


def marked(head: bytes) -> str:
    """Return UTF-16 or UTF-32 for a text with a byte order mark, or with 0 in most second bytes, or ''."""
    if found := next((name for mark, name in MARKS if head.startswith(mark)), ""):
        return found
    pairs = head[: len(head) // 2 * 2]
    even, odd = pairs[::2], pairs[1::2]
    if len(even) >= 4 and odd.count(0) > 0.7 * len(odd) and not even.count(0):
        return "utf-16-le"
    if len(even) >= 4 and even.count(0) > 0.7 * len(even) and not odd.count(0):
        return "utf-16-be"
    return ""


def _likeliest(sample: bytes, name: str) -> str:
    """Return the likeliest encoding of lines that are not UTF-8.

    Raises:
        WorkshopError: no encoding is likely, or several are.
    """
    readings: dict[str, tuple[float, str]] = {}  # text -> likelihood and encoding
    for encoding, alphabets, rarity in ENCODINGS:
        try:
            text = sample.decode(encoding)
        except UnicodeDecodeError:
            continue
        total, count = _likelihood(text, alphabets)
        if total >= WORST * count and total + rarity > readings.get(text, (-math.inf, ""))[0]:
            readings[text] = (total + rarity, encoding)
    for text, encoding, total in _east_asian(sample):
        readings.setdefault(text, (total, encoding))
    ranked = sorted(readings.items(), key=lambda item: -item[1][0])
    if not ranked:
        if found := _by_library(sample):
            return found
        raise _undecided(sample, name, ["windows-1252"])
    if len(ranked) > 1 and ranked[0][1][0] - ranked[1][1][0] < MARGIN:
        raise _undecided(sample, name, [encoding for _, (_, encoding) in ranked[:2]])
    return ranked[0][1][1]


def _east_asian(sample: bytes) -> Iterator[tuple[str, str, float]]:
    """Yield the readings as East Asian text: text, codec, likelihood.

    Every character beyond ASCII belongs to one East Asian standard.
    """
    for strict, codec, leads in EAST_ASIAN:
        try:
            text = sample.decode(strict)
        except UnicodeDecodeError:
            continue
        words = set(_EAST_ASIAN_WORD.findall(text))
        total = -3.0
        for sign in "".join(words):
            lead = sign.encode(strict)
            known = next((value for span, value in leads.items() if lead[0] in span), _RARE["rare"])
            total += known if len(lead) > 1 else _RARE["strange"]
        yield text, codec, total


def _by_library(sample: bytes) -> str:
    """Return the encoding that charset-normalizer detects, for scripts without an alphabet here, or ''."""
    found = from_bytes(sample, cp_isolation=["cp874", "cp1258", "gb18030", "big5", "cp949", "cp932", "euc_jp"]).best()
    return found.encoding if found and found.chaos < 0.1 and found.coherence > 0.5 else ""


def _undecided(sample: bytes, name: str, likely: list[str]) -> WorkshopError:
    line = next(line for line in sample.split(b"\n") if not line.isascii())
    at = next(i for i, byte in enumerate(line) if byte > 127)
    piece = line[max(0, at - 10) : at + 10]
    shown = " or ".join(f"{piece.decode(encoding, 'backslashreplace').strip()!r} ({encoding})" for encoding in likely)
    return WorkshopError(
        f"{name} is not UTF-8, and its encoding cannot be determined: a line in it has {shown}.",
        f"Set the encoding: --encoding {likely[0] if len(likely) > 1 else 'NAME'}; or save the file as UTF-8.",
    )


def _likelihood(text: str, alphabets: tuple[str, ...]) -> tuple[float, int]:
    """Return the log-likelihood and the number of the characters beyond ASCII; each word counts once."""
    words = Counter(word for word in _WORD.findall(text) if not word.isascii())
    letters: Counter[str] = Counter()
    total, count = 0.0, 0
    for word in words:
        beyond = [sign for sign in word if not sign.isascii()]
        count += len(beyond)
        if len(word) == 1 and not word.isalpha():
            total += _symbol(word)
        elif not _is_word(word):
            total += _RARE["strange"] * len(beyond)
        else:
            letters.update(sign.lower() for sign in beyond)
    total += sum(_between(text, sign) for sign in {word for word in words if len(word) == 1 and not word.isalpha()})
    best = max(
        sum(_share(alphabet).get(one, _RARE["foreign"]) * n for one, n in letters.items()) for alphabet in alphabets
    )
    return total + best, count


def _symbol(sign: str) -> float:
    if sign in _MONEY:
        return _RARE["money"]
    return _RARE["symbol"] if sign in _SYMBOLS else _RARE["strange"]


def _between(text: str, sign: str) -> float:
    """Return the log-likelihood of a symbol inside words, such as Z‰rich."""
    inside = 0 if sign in "’·‘\u00ad" else len(re.findall(rf"(?<=[^\W\d_]){re.escape(sign)}(?=[^\W\d_])", text))
    return inside * _RARE["strange"]


def _is_word(word: str) -> bool:
    """Return whether the letters are of one script, with capital letters in plausible places."""
    scripts = {unicodedata.name(sign, "?").split()[0] for sign in word if sign.isalpha() and sign not in "ºª"}
    if (
        len(scripts) > 1
        or (not word[0].isascii() and word[1:].isdigit())
        or any(unicodedata.category(sign) == "Cc" for sign in word)
    ):
        return False
    return not any(a.islower() and b.isupper() and not (a + b).isascii() for a, b in pairwise(word))


@cache
def _share(alphabet: str) -> dict[str, float]:
    """Return each letter's log-likelihood: the n-th letter is about 1/n as frequent as the first."""
    weights = [1 / number for number in range(1, len(alphabet) + 1)]
    return {letter: math.log(weight / sum(weights)) for letter, weight in zip(alphabet, weights, strict=True)}
