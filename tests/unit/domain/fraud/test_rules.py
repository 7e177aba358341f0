"""Each rule speaks just above its threshold, not at what is usual, and says why in its order."""

from __future__ import annotations

import pytest
from workshop.domain.fraud.features import NAMES, Features
from workshop.domain.fraud.rules import RULES, Flag, judge
from workshop.domain.fraud.stream import FeatureStream
from workshop.domain.fraud.windows import DAY

USUAL = Features(**dict.fromkeys(NAMES, 0.0))._replace(amount=40.0, amount_ratio=1.0)


def spoken(**seen: float) -> list[str]:
    return [flag.rule for flag in judge(USUAL._replace(**seen))]


@pytest.mark.parametrize(
    ("rule", "just_enough", "too_little"),
    [
        ("large amount", {"amount": 220.01}, [{"amount": 220.0}]),
        (
            "unlike its past",
            {"card_purchases": 5, "amount_ratio": 3.0, "amount_z": 3.0},
            [{"card_purchases": 4}, {"amount_ratio": 2.99}, {"amount_z": 2.99}],
        ),
        (
            "many payments",
            {"card_payments_1d": 7, "card_payments_30d": 30},
            [{"card_payments_1d": 6}, {"card_payments_30d": 60}],
        ),
        (
            "reported terminal",
            {"terminal_risk_7d": 0.5, "terminal_reports_30d": 2},
            [{"terminal_risk_7d": 0.49}, {"terminal_reports_30d": 1}],
        ),
    ],
)
def test_a_rule_speaks_from_its_threshold_on(rule: str, just_enough: dict, too_little: list[dict]):
    assert spoken(**just_enough) == [rule]
    for less in too_little:
        assert spoken(**{**just_enough, **less}) == []


def test_a_usual_payment_and_a_refund_raise_nothing():
    assert judge(USUAL) == []
    assert judge(USUAL._replace(amount=-5000.0, amount_ratio=-40.0, amount_z=-90.0, card_purchases=9)) == []


def test_a_flag_says_why_with_the_numbers_it_saw():
    seen = USUAL._replace(amount=1234.5, card_purchases=12, amount_ratio=4.04, amount_z=6.18)
    assert judge(seen) == [
        Flag("large amount", "1,234.50 € is more than 220 €."),
        Flag(
            "unlike its past",
            "1,234.50 € is 4.0 times the mean of this card's 12 earlier purchases, 6.2 standard deviations above it.",
        ),
    ]


def test_flags_keep_the_rules_order_and_repeat():
    seen = Features(**dict.fromkeys(NAMES, 300.0))._replace(card_payments_30d=30.0, terminal_risk_7d=1.0)
    assert [flag.rule for flag in judge(seen)] == list(RULES)
    assert judge(seen) == judge(seen)


def test_a_stolen_card_and_a_reported_terminal_are_noticed_in_the_stream():
    stream = FeatureStream()
    for hour in range(10):
        stream.payment("card-1", "till-1", hour * DAY // 2, 2000 + 100 * (hour % 3))
    stolen = stream.payment("card-1", "till-2", 6 * DAY, 11_000)
    assert [flag.rule for flag in judge(stolen)] == ["unlike its past"]
    for hour in range(4):
        stream.report(f"payment-{hour}", "till-1", paid_at=hour * DAY // 2, at=7 * DAY)
    assert [flag.rule for flag in judge(stream.payment("card-2", "till-1", 8 * DAY, 1000))] == ["reported terminal"]
