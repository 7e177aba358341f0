"""What to simulate: how many customers, terminals and days, which seeds, how strong the frauds; checked when it is made."""

import math
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import numpy as np


def require(holds: bool, sentence: str) -> None:
    """Raise ValueError with one sentence for the user unless the condition holds."""
    if not holds:
        raise ValueError(sentence)


def _require_whole(owner: object, minimum: int, *names: str) -> None:
    """Raise ValueError unless these fields are whole numbers of at least `minimum`."""
    for name in names:
        value = getattr(owner, name)
        whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
        require(whole and value >= minimum, f"{name} must be a whole number of at least {minimum}, not {value!r}.")


def _require_positive(owner: object, *names: str) -> None:
    """Raise ValueError unless these fields are finite numbers above 0."""
    for name in names:
        value = getattr(owner, name)
        positive = isinstance(value, int | float) and 0 < value < math.inf
        require(positive, f"{name} must be a number above 0, not {value!r}.")


@dataclass(frozen=True)
class FraudStrengths:
    """How strong the three fraud scenarios are; a later scenario overwrites an earlier one's label."""

    amount_threshold: float = 220.0  # scenario 1: every payment above it
    terminals_a_day: int = 2  # scenario 2: terminals compromised each day, with all their payments ...
    terminal_days: int = 28  # ... for so many days
    customers_a_day: int = 3  # scenario 3: customers compromised each day ...
    customer_days: int = 14  # ... for so many days;
    one_in: int = 3  # one in so many of their payments, together, is fraudulent ...
    amount_factor: float = 5.0  # ... and its amount multiplied

    def __post_init__(self) -> None:
        _require_whole(self, 0, "terminals_a_day", "customers_a_day")
        _require_whole(self, 1, "terminal_days", "customer_days", "one_in")
        _require_positive(self, "amount_threshold", "amount_factor")


@dataclass(frozen=True)
class SimulationSettings:
    """What to simulate; the defaults are the published set. A wrong value raises ValueError with one sentence."""

    customers: int = 5_000
    terminals: int = 10_000
    days: int = 183
    start: date = date(2018, 4, 1)
    radius: float = 5.0  # in the map's units: a customer pays at the terminals nearer than this
    map_side: float = 100.0
    mean_amount: tuple[float, float] = (5.0, 100.0)  # a customer's mean is uniform between these
    payments_a_day: tuple[float, float] = (0.0, 4.0)  # likewise
    customer_seed: int = 0
    terminal_seed: int = 1
    payment_seed: int = 0  # plus the customer's number
    fraud_seed: int = 0  # plus the day's number
    fraud: FraudStrengths = field(default_factory=FraudStrengths)

    @classmethod
    def seeded(cls, seed: int, **others: Any) -> "SimulationSettings":
        """Settings whose four seeds derive from one number, 0 (the published set) to 4,293."""
        whole = isinstance(seed, int) and 0 <= seed <= 4_293
        require(whole, f"The seed must be a whole number from 0 to 4,293, not {seed!r}.")
        base = seed * 1_000_000
        seeds: dict[str, Any] = {
            "customer_seed": base,
            "terminal_seed": base + 1,
            "payment_seed": base,
            "fraud_seed": base,
        }
        return cls(**(seeds | others))

    def __post_init__(self) -> None:
        _require_whole(self, 1, "customers", "terminals", "days")
        _require_whole(self, 0, "customer_seed", "terminal_seed", "payment_seed", "fraud_seed")
        _require_positive(self, "radius", "map_side")
        require(isinstance(self.start, date), f"start must be a datetime.date, not {self.start!r}.")
        self._check_ranges()
        self._check_limits()

    def _check_ranges(self) -> None:
        for name in ("mean_amount", "payments_a_day"):
            low, high = getattr(self, name)
            require(0 <= low <= high < math.inf, f"{name} must be two numbers, 0 <= low <= high, not {low}, {high}.")

    def _check_limits(self) -> None:
        highest = max(
            self.customer_seed, self.terminal_seed, self.payment_seed + self.customers, self.fraud_seed + self.days
        )
        require(highest <= 2**32, "A seed is too large: seed plus customers or days must stay within 2**32.")
        for few, many in (("terminals_a_day", "terminals"), ("customers_a_day", "customers")):
            enough = getattr(self.fraud, few) <= getattr(self, many)
            require(enough, f"fraud.{few} must not exceed {many} ({getattr(self, many)}).")
