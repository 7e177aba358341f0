"""The names of features, and the largest amount."""

from __future__ import annotations

import pytest
from workshop.domain.fraud.feature_names import LARGEST, NAMES, PUBLISHED, check_amount


def test_the_published_features_are_the_first_fifteen():
    assert len(PUBLISHED) == 15
    assert PUBLISHED[-1] == "terminal_risk_30d"
    assert len(set(NAMES)) == len(NAMES)


def test_an_amount_whose_sums_leave_64_bits_is_refused():
    check_amount(LARGEST)
    check_amount(-LARGEST)
    with pytest.raises(ValueError, match="An amount of 1000000000001 cents"):
        check_amount(LARGEST + 1)
