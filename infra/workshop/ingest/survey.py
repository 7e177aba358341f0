"""Survey of a table's columns: the conventions that their values prove, before a row is published.

The decision depends only on the file's bytes and the user's hints, so a resumed publication makes the same one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from workshop.base.errors import WorkshopError
from workshop.domain import amounts
from workshop.domain.amounts import COMMA, POINT, Unreadable
from workshop.domain.escaped import escaped
from workshop.ingest import dates
from workshop.ingest.columns import TYPED
from workshop.ingest.dates import DAY_FIRST, EITHER, FIXED, MONTH_FIRST, NUMBER, SHORT_YEAR
from workshop.ingest.hints import Hints
from workshop.ingest.values import PLAIN_TIME, Conventions, is_number

# Up to this share of ambiguous values, single rows are refused instead of the whole file.
EXCEPTIONS = 1 / 5
_DOT = r"^\s*-?[0-9]+\.([0-9]{1,2}|[0-9]{4,})\s*$"
_WHOLE = rf"^\s*-?[0-9]*\s*$|{TYPED}$"
_FINER = r"\.[0-9]{3}[0-9]*[1-9][0-9]*Z?$"


@dataclass
class Seen:
    """The number of values of each kind, with the line and the text of the first one."""

    counts: Counter[str] = field(default_factory=Counter)
    first: dict[str, tuple[int, str]] = field(default_factory=dict)

    def add(self, kind: str, line: int, text: str, count: int = 1) -> None:
        """Count values of a kind."""
        self.counts[kind] += count
        self.first.setdefault(kind, (line, text))

    def example(self, kind: str) -> str:
        """Return the first value of a kind, in words."""
        line, text = self.first[kind]
        return f"'{escaped(text.strip())}' in line {line:,}"


FINER = "finer"


class Times(Seen):
    """The evidence of a column of times."""

    def see(self, column: pa.Array, lines: Sequence[int]) -> None:
        """Examine more rows."""
        kind = column.type
        if pa.types.is_timestamp(kind):
            self._see_typed(column, lines)
        elif is_number(kind):
            self._see_bulk(NUMBER, column.is_valid(), column, lines)
        elif pa.types.is_temporal(kind):
            self.counts[FIXED] += len(column)
        else:
            self._see_texts(pc.fill_null(pc.cast(column, pa.string()), ""), lines)

    def _see_typed(self, column: pa.Array, lines: Sequence[int]) -> None:
        self.counts[FIXED] += len(column)
        if column.type.unit in ("us", "ns"):
            step = 1_000 if column.type.unit == "us" else 1_000_000
            ticks = pc.fill_null(pc.cast(column, pa.int64()), 0).to_numpy()
            self._see_bulk(FINER, pa.array(ticks % step != 0), column, lines)

    def _see_bulk(self, kind: str, is_kind: pa.Array, column: pa.Array, lines: Sequence[int]) -> None:
        if count := pc.sum(is_kind).as_py():
            i = is_kind.index(True).as_py()
            self.add(kind, lines[i], str(column[i]), count)

    def _see_texts(self, texts: pa.Array, lines: Sequence[int]) -> None:
        plain = pc.match_substring_regex(texts, PLAIN_TIME)
        self.counts[FIXED] += pc.sum(plain).as_py() or 0
        if pc.any(pc.match_substring(texts, ".")).as_py():
            self._see_bulk(FINER, pc.and_(plain, pc.match_substring_regex(texts, _FINER)), texts, lines)
        for i in np.flatnonzero(~plain.to_numpy(zero_copy_only=False)).tolist():
            text = texts[i].as_py()
            try:
                found = dates.written(text)
            except Unreadable:
                continue
            self.add(found.kind, lines[i], text)
            if found.nanoseconds % 1_000_000:
                self.add(FINER, lines[i], text)

    def order(self, hints: Hints) -> str:
        """Return the order of day and month, or ''."""
        proven = [order for order in (DAY_FIRST, MONTH_FIRST) if self.counts[order]]
        return hints.dates or (proven[0] if len(proven) == 1 else "")

    def undecided(self, hints: Hints) -> list[str]:
        """Return the kinds of values that cannot be read without a hint."""
        found = []
        if self.counts[EITHER] and not self.order(hints):
            found.append(EITHER)
        if self.counts[SHORT_YEAR] and not hints.dates:
            found.append(SHORT_YEAR)
        if self.counts[NUMBER] and not hints.time_unit:
            found.append(NUMBER)
        return found

    def check(self, name: str, column: str, hints: Hints) -> None:
        """Refuse a column with ambiguous times.

        Raises:
            WorkshopError: the times are ambiguous; the message has the option that decides.
        """
        undecided = self.undecided(hints)
        many = sum(self.counts[kind] for kind in undecided)
        clear = sum(self.counts[kind] for kind in (FIXED, DAY_FIRST, MONTH_FIRST))
        contrary = EITHER in undecided and self.counts[DAY_FIRST] and self.counts[MONTH_FIRST]
        if many <= EXCEPTIONS * (many + clear) and not contrary:
            return
        kind = max(undecided, key=lambda one: self.counts[one])
        where = f"the times in column {escaped(column)} of {name}"
        if kind == NUMBER:
            raise WorkshopError(f"{where[0].upper()}{where[1:]} are numbers: {self.example(NUMBER)}.", self._units())
        if kind == SHORT_YEAR:
            raise WorkshopError(
                f"{where[0].upper()}{where[1:]} have years of two digits: {self.example(SHORT_YEAR)}.",
                "Set their order: --dates day-first, month-first or year-first; 69 to 99 are then 1969 to 1999.",
            )
        both = (
            f", and the column has both {self.example(DAY_FIRST)} and {self.example(MONTH_FIRST)}" if contrary else ""
        )
        raise WorkshopError(
            f"In {where}, day and month can be read either way round: {self.example(EITHER)}{both}.",
            "Set the order: --dates day-first or --dates month-first.",
        )

    def _units(self) -> str:
        text = self.first[NUMBER][1].strip()
        if not (unit := dates.likely_unit(text)):
            return "Set their unit since 1970: --time-unit s, ms, us or ns; or write them as 2018-04-25 13:00:00."
        at = dates.shown(dates.nanoseconds(text, unit=unit))
        return f"Set their unit since 1970, s, ms, us or ns: --time-unit {unit} reads that one as {at}."

    def notes(self, hints: Hints) -> list[str]:
        """Return messages for the user about the way in which the times are read."""
        found = []
        order = self.order(hints)
        if self.counts[EITHER] and order and not hints.dates:
            words = order.replace("-", " ")
            found.append(f"Times are read {words}, as {self.example(order)} shows; --dates overrides it.")
        if count := self.counts[FINER]:
            rows = "1 time was" if count == 1 else f"{count:,} times were"
            found.append(f"{rows} cut to milliseconds; the first is {self.example(FINER)}.")
        return found

    def reading(self, hints: Hints) -> list[str]:
        """Return the decisions about ambiguous and numeric times, as texts."""
        ambiguous = sum(self.counts[kind] for kind in (EITHER, SHORT_YEAR, DAY_FIRST, MONTH_FIRST))
        return [
            *([f"dates {self.order(hints)}"] if ambiguous and self.order(hints) else []),
            *([f"times in {hints.time_unit}"] if self.counts[NUMBER] and hints.time_unit else []),
        ]


FRACTION = "fraction"
_AMBIGUOUS = {POINT: "ambiguous point", COMMA: "ambiguous comma"}


class Amounts(Seen):
    """The evidence of a column of amounts."""

    def see(self, column: pa.Array, lines: Sequence[int]) -> None:
        """Examine more rows."""
        if pa.types.is_floating(column.type):
            numbers = np.nan_to_num(column.to_numpy(zero_copy_only=False).astype(np.float64), posinf=0, neginf=0)
            self.counts[FRACTION] += int(np.count_nonzero(numbers % 1))
            return
        if is_number(column.type):
            return
        texts = pc.fill_null(pc.cast(column, pa.string()), "")
        dotted = pc.match_substring_regex(texts, _DOT)
        if count := pc.sum(dotted).as_py():
            i = dotted.index(True).as_py()
            self.add(POINT, lines[i], texts[i].as_py(), count)
        plain = pc.or_(dotted, pc.match_substring_regex(texts, _WHOLE))
        for i in np.flatnonzero(~plain.to_numpy(zero_copy_only=False)).tolist():
            self._see_one(texts[i].as_py(), lines[i])

    def _see_one(self, text: str, line: int) -> None:
        try:
            found = amounts.written(text)
        except Unreadable:
            return
        if found.ambiguous:
            self.add(_AMBIGUOUS[found.ambiguous], line, text)
        elif found.decimal:
            self.add(found.decimal, line, text)

    def decimal(self, hints: Hints) -> str:
        """Return the decimal sign, or ''."""
        proven = [sign for sign in (POINT, COMMA) if self.counts[sign]]
        return hints.decimal or (proven[0] if len(proven) == 1 else "")

    @property
    def ambiguous(self) -> list[str]:
        """The kinds of ambiguous texts in the column."""
        return [kind for kind in _AMBIGUOUS.values() if self.counts[kind]]

    def check(self, name: str, column: str, hints: Hints) -> None:
        """Refuse a column with ambiguous amounts if no row shows its decimal sign.

        Raises:
            WorkshopError: the amounts are ambiguous; the message has the option that decides.
        """
        if not self.ambiguous or self.decimal(hints):
            return
        text = self.first[self.ambiguous[0]][1]
        size = amounts.written(text).size
        both = f"; the column has both {self.example(POINT)} and {self.example(COMMA)}" if self.counts[POINT] else ""
        raise WorkshopError(
            f"In {name}, the amounts of column {escaped(column)} can be read in two ways: {self.example(self.ambiguous[0])} "
            f"is {size.normalize():f} or {size * 1000:.0f}, and no row shows which{both}.",
            "Set the decimal sign: --decimal , or --decimal .",
        )

    def notes(self, hints: Hints) -> list[str]:
        """Return messages for the user about the way in which the amounts are read."""
        if not self.ambiguous or not (sign := self.decimal(hints)):
            return []
        name = {POINT: "point", COMMA: "comma"}[sign]
        shown = "" if hints.decimal else f", as {self.example(sign)} shows; --decimal overrides it"
        found = [f"The decimal sign of amounts is a {name}{shown}."]
        if count := self.counts[_AMBIGUOUS[sign]]:
            have = "1 amount has" if count == 1 else f"{count:,} amounts have"
            found.append(f"{have} three decimals; the first is {self.example(_AMBIGUOUS[sign])}.")
        return found

    def reading(self, hints: Hints) -> list[str]:
        """Return the decision about ambiguous amounts, as a text."""
        sign = self.decimal(hints)
        return [f"decimal sign {sign}"] if self.ambiguous and sign else []


@dataclass
class Survey:
    """The evidence of a table's columns of times and amounts."""

    times: Times = field(default_factory=Times)
    amounts: Amounts = field(default_factory=Amounts)

    def see(self, time: pa.Array | None, amount: pa.Array | None, lines: Sequence[int]) -> None:
        """Examine more rows."""
        if time is not None:
            self.times.see(time, lines)
        if amount is not None:
            self.amounts.see(amount, lines)

    def conventions(self, hints: Hints) -> Conventions:
        """Return the conventions of the columns."""
        return Conventions(
            order=self.times.order(hints),
            short_years=bool(hints.dates),
            unit=hints.time_unit,
            decimal=self.amounts.decimal(hints),
            whole=not self.amounts.counts[FRACTION],
        )

    def notes(self, hints: Hints) -> Iterable[str]:
        """Return messages for the user about the way in which the file is read."""
        return [*self.times.notes(hints), *self.amounts.notes(hints)]
