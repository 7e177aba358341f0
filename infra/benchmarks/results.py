"""Results of benchmarks as files `results/NAME.json`: schema, reading and writing.

A file has the keys

- `version`: 1;
- `benchmark`: the name, as in the file's name;
- `units`: each figure to its unit, such as "s", "MB" or "events/s"; empty for a ratio;
- `measurements`: a list, of two kinds.

A measurement by `run.py` (`"transcribed": false`) has

- `backend`: "local", "kind", "existing", or null without a stack; there is at most one such measurement per backend;
- `machine`: `cores`, `memory_gb`, `kernel`, `python`, `architecture`;
- `nice`: the niceness of the processes, 0 as a rule;
- `commit`, and `changed`: whether files differed from the commit;
- `runs`: each with `began` and `ended` (with time zone), `load_begin` and `load_end` (load averages of one minute), `values`
  (figure to raw value), and if the run was aborted the reason, `failed`.

Figures that were carried by hand (`"transcribed": true`) have no raw values. Such a measurement has

- `backend`, and `entered`: the day on which the figures entered the repository, or null;
- `machine`: a text if it is not the usual one; `load`: least and greatest load average, or null;
- `figures`: each to what is known of `median`, `min`, `max`, `total` (sum of all runs), `runs` and `note`.
"""

from __future__ import annotations

import statistics
from datetime import date
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, NonNegativeFloat, PositiveInt, ValidationError
from workshop.base.errors import WorkshopError
from workshop.base.files import write_atomically

FOLDER = Path(__file__).resolve().parent / "results"


class Strict(BaseModel):
    """Part of a result file: no unknown keys, no other types, no infinite numbers."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Summary(Strict):
    """What is known of a figure over its runs."""

    median: float | None = None
    min: float | None = None
    max: float | None = None
    total: float | None = None
    runs: PositiveInt | None = None
    note: str = ""

    def fault(self) -> str:
        """Return what is wrong with the numbers, or an empty text."""
        known = [number for number in (self.min, self.median, self.max) if number is not None]
        if not known and self.total is None:
            return "has no number"
        return "" if known == sorted(known) else "has a median or minimum above its maximum, or below its minimum"


class Machine(Strict):
    """The machine of a measurement."""

    cores: PositiveInt
    memory_gb: float = Field(gt=0)
    kernel: str
    python: str
    architecture: str

    def __str__(self) -> str:
        return f"{self.cores} cores, {self.memory_gb:g} GB, {self.kernel} {self.architecture}, Python {self.python}"


class Run(Strict):
    """One run: its times, load averages and raw values."""

    began: AwareDatetime
    ended: AwareDatetime
    load_begin: NonNegativeFloat
    load_end: NonNegativeFloat
    values: dict[str, float]
    failed: str = ""


class Measured(Strict):
    """The runs of a benchmark by `run.py`."""

    transcribed: Literal[False]
    backend: Literal["local", "kind", "existing"] | None
    machine: Machine
    nice: int = Field(ge=-20, le=19)
    commit: str = Field(pattern="^[0-9a-f]{7,40}$")
    changed: bool
    runs: list[Run] = Field(min_length=1)

    def names(self) -> set[str]:
        """Return the names of the measured figures."""
        return {name for run in self.runs for name in run.values}

    def summary(self, figure: str) -> Summary | None:
        """Return median, minimum, maximum and number of the values of a figure; None without a value."""
        values = [run.values[figure] for run in self.runs if figure in run.values]
        if not values:
            return None
        return Summary(median=statistics.median(values), min=min(values), max=max(values), runs=len(values))


class Transcribed(Strict):
    """Figures that were carried by hand, without raw values."""

    transcribed: Literal[True]
    backend: Literal["local", "kind", "existing"] | None
    entered: date | None
    machine: str = ""
    load: tuple[NonNegativeFloat, NonNegativeFloat] | None = None
    figures: dict[str, Summary] = Field(min_length=1)

    def names(self) -> set[str]:
        """Return the names of the figures."""
        return set(self.figures)

    def summary(self, figure: str) -> Summary | None:
        """Return what is known of a figure; None if it is not in this measurement."""
        return self.figures.get(figure)


class Result(Strict):
    """All measurements of a benchmark."""

    version: Literal[1]
    benchmark: str
    units: dict[str, str]
    measurements: list[Annotated[Measured | Transcribed, Field(discriminator="transcribed")]]

    def fault(self) -> str:
        """Return the first contradiction in the file, or an empty text."""
        for one in self.measurements:
            if unknown := sorted(one.names() - set(self.units)):
                return f"the figure '{unknown[0]}' has no unit"
            if isinstance(one, Transcribed):
                for name, summary in one.figures.items():
                    if fault := summary.fault():
                        return f"the figure '{name}' {fault}"
                if one.load and one.load[0] > one.load[1]:
                    return "the least load average is above the greatest"
            elif any(run.ended < run.began for run in one.runs):
                return "a run ended before it began"
        backends = [one.backend for one in self.measurements if isinstance(one, Measured)]
        return "" if len(backends) == len(set(backends)) else "it has two measurements by `run.py` on the same backend"


def read(name: str, folder: Path = FOLDER) -> Result | None:
    """Return the results of a benchmark, or None if it has none.

    Raises:
        WorkshopError: the file cannot be read, or contradicts the schema.
    """
    path = folder / f"{name}.json"
    try:
        result = Result.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except OSError as error:
        raise WorkshopError(f"{path} cannot be read: {error.strerror}.") from None
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise _refused(path, f"{place + ': ' if place else ''}{first['msg']}") from None
    if fault := (result.fault() if result.benchmark == name else f"it is of the benchmark '{result.benchmark}'"):
        raise _refused(path, fault)
    return result


def _refused(path: Path, fault: str) -> WorkshopError:
    return WorkshopError(
        f"{path} is not a result of a benchmark: {fault}.", f"Restore it with `git checkout -- {path}`."
    )


def add(name: str, units: dict[str, str], new: Measured, folder: Path = FOLDER) -> None:
    """Write a measurement; it replaces the one of the same backend by `run.py`, and transcribed figures stay.

    Raises:
        WorkshopError: the existing file is damaged, or the new measurement contradicts the schema.
    """
    old = read(name, folder)
    kept = [one for one in old.measurements if not _replaced(one, new)] if old else []
    # Units of transcribed figures that are no longer measured stay too.
    used = {figure for one in kept for figure in one.names()}
    units = {**{figure: unit for figure, unit in (old.units if old else {}).items() if figure in used}, **units}
    write(Result(version=1, benchmark=name, units=units, measurements=[*kept, new]), folder)


def _replaced(one: Measured | Transcribed, new: Measured) -> bool:
    return isinstance(one, Measured) and one.backend == new.backend


def write(result: Result, folder: Path = FOLDER) -> None:
    """Write a result file atomically.

    Raises:
        WorkshopError: the result contradicts the schema.
    """
    path = folder / f"{result.benchmark}.json"
    if fault := result.fault():
        raise WorkshopError(f"{path} was not written: {fault}.")
    write_atomically(path, result.model_dump_json(indent=2, exclude_unset=True) + "\n")
