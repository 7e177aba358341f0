"""Lesson 05: what its checks accept and refuse, without a broker."""

from __future__ import annotations

import json
import time
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from workshop.base.settings import Settings
from workshop.lessons.fraud_analysis import bursts, checks, unseen, unseen_cards
from workshop.notebook import story


@pytest.fixture(autouse=True)
def lenient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a check return its verdict, and record no progress."""
    monkeypatch.delenv("WORKSHOP_STRICT", raising=False)
    monkeypatch.setattr("workshop.base.learner_progress.record", lambda *_: None)


SEEN = pd.DataFrame({"amount": [1.0, 2.0, 3.0]}, index=[7, 8, 9])


def windows(mine: pd.DataFrame) -> pd.Series:
    return mine["at"].dt.floor("D").value_counts().sort_index().asfreq("D", fill_value=0).rolling(3).sum()


def above(limit):
    """Return a detector of bursts with a limit that is computed from a card's counts."""

    def find(mine: pd.DataFrame) -> tuple | None:
        counts = windows(mine)
        most = counts.idxmax()
        return (most - pd.Timedelta(days=2), most) if counts.max() > limit(counts) else None

    return find


@pytest.mark.parametrize(
    "limit",
    [
        lambda counts: counts.mean() + 3 * counts.std(),
        lambda counts: counts.mean() + 3 * counts.mean() ** 0.5,
        lambda counts: counts.mean() + 5 * counts.mean() ** 0.5,
        lambda counts: counts.median() + 5 * max(counts.median(), 1) ** 0.5,
        lambda counts: 3 * counts.mean(),
        lambda counts: 1.8 * counts.quantile(0.95),
    ],
)
def test_a_limit_of_the_cards_own_counts_is_accepted(limit):
    assert checks.bursts(above(limit)).word == "passed"


@pytest.mark.parametrize("limit", range(4, 45, 2))
def test_no_fixed_limit_passes(limit: int):
    assert checks.bursts(above(lambda counts: limit)).word == "not yet"


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ((5.0, 7.0), "no time of a payment"),
        ((pd.NaT, pd.NaT), "no time of a payment"),
        (("a", "b"), "returned ('a', 'b')"),
        ((1, 2, 3), "returned (1, 2, 3)"),
        (True, "returned True"),
    ],
)
def test_an_answer_that_is_no_period_is_shown(answer: object, says: str):
    assert says in str(checks.bursts(lambda mine: answer))


def test_periods_of_any_type_of_time_are_read():
    first, last = pd.Timestamp("2018-06-01"), pd.Timestamp("2018-06-03")
    for answer in (
        (first, last),
        [first.date(), last.date()],
        np.array([first, last], dtype="datetime64[ns]"),
        ("2018-06-01", "2018-06-03"),
        (first.tz_localize("UTC"), last.tz_localize("UTC")),
    ):
        assert checks._period(answer) == (first, last)
    assert checks._period(None) is None


def test_the_task_and_the_hint_state_the_rates_of_the_generator():
    quiet, busy = bursts.usual_in_a_burst(bursts.QUIET), bursts.usual_in_a_burst(bursts.BUSY)
    assert (quiet, busy) == ("1 to 4", "14 to 20")
    lesson = json.loads((Settings.load().root / "solutions/05_fraud_analysis.ipynb").read_text())
    (task,) = ["".join(cell["source"]) for cell in lesson["cells"] if cell["id"] == "ex2"]
    assert f"quiet cards usually make {quiet} payments, and busy ones {busy}" in task
    said = str(checks.bursts(above(lambda counts: 0)))
    assert f"a quiet card usually makes {quiet} payments, and a busy one {busy}" in said


def test_bursts_are_the_same_for_the_same_seed():
    one, other = bursts.cards(1), bursts.cards(1)
    assert len(one.payments) == 50
    assert len(one.bursts) == 20
    assert all(one.payments[card].equals(other.payments[card]) for card in one.payments)


@pytest.mark.parametrize(
    "answer",
    [
        pd.Series([3.0, 2.0, 1.0], index=[9, 8, 7]),  # sorted by its values
        [1, 2, 3],
        np.array([[1.0], [2.0], [3.0]]),
        pd.DataFrame({"score": [1.0, 2.0, 3.0]}, index=SEEN.index),
    ],
)
def test_scores_of_any_form_are_read_in_the_order_of_the_payments(answer: object):
    assert checks._scores(lambda seen: answer, SEEN).tolist() == [1.0, 2.0, 3.0]


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (None, "returned None"),
        (["a", "b", "c"], "no numbers"),
        ([1, np.nan, np.inf], "2 of 3 scores are NaN or infinite"),
        (1.0, "returned 1 value for 3 payments"),
        ([1, 2], "returned 2 values for 3 payments"),
    ],
)
def test_what_is_no_score_is_refused_in_words(answer: object, says: str):
    with pytest.raises(Exception) as refused:  # noqa: PT011  # the engine's own type
        checks._scores(lambda seen: answer, SEEN)
    assert says in str(refused.value.lines)


def test_new_frauds_are_as_frequent_as_the_old_ones_and_lie_elsewhere():
    old = story.payments()
    new = unseen.with_new_frauds(old, seed=5)
    assert 0.5 < new["TX_FRAUD"].sum() / old["TX_FRAUD"].sum() < 2
    assert new["TX_FRAUD"][new["TX_AMOUNT"] > unseen.LARGE].all()
    assert not set(new["CUSTOMER_ID"]) & set(old["CUSTOMER_ID"])
    assert not set(new["TRANSACTION_ID"]) & set(old["TRANSACTION_ID"])
    smaller = old["TX_FRAUD_SCENARIO"].to_numpy() != 2
    assert (new["TX_FRAUD"].to_numpy() != old["TX_FRAUD"].to_numpy())[smaller].any()


def test_a_card_is_compromised_for_the_given_days_and_no_longer():
    draw = SimpleNamespace(random=lambda shape: np.array([[1.0, 0.0, 1.0, 1.0, 1.0]]))
    owners, days = np.zeros(5, dtype=int), np.arange(5)
    assert unseen._compromised(draw, owners, days, 0.5, 2).tolist() == [False, True, True, False, False]


def alert(payment_id: str, phase: unseen_cards.Phase) -> dict:
    return {"payment_id": payment_id, "key": phase.card_of(payment_id).encode()}


def refusal(found: list[dict], phase: unseen_cards.Phase) -> str:
    with pytest.raises(Exception) as refused:  # noqa: PT011  # the engine's own type
        checks._compare(found, phase)
    return str(refused.value.lines)


def test_alerts_are_compared_by_payment_number_and_key():
    first, _ = unseen_cards.phases()
    right = [alert(payment_id, first) for payment_id in first.suspicious]
    checks._compare(right, first)
    assert "1 payment was flagged that is ordinary" in refusal([*right, alert("card-c-1", first)], first)
    assert "was 12.00 €" in refusal([*right, alert("card-c-1", first)], first)
    assert f"1 of {len(right)} suspicious payments were not flagged" in refusal(right[1:], first)
    assert "published twice" in refusal([*right, right[0]], first)
    assert "the card as the key" in refusal([{**right[0], "key": None}, *right[1:]], first)
    assert "none of the payments" in refusal([*right, {"payment_id": 7, "key": b""}], first)


def test_the_limit_of_ten_times_is_tested_from_both_sides():
    first, second = unseen_cards.phases()
    assert set(first.suspicious) == {"card-a-4", "card-b-6", "card-c-2", "card-e-3"}
    assert set(second.suspicious) == {"card-x-1", "card-z-1"}


def test_a_service_that_does_not_return_is_interrupted():
    with pytest.raises(checks._TooLong):
        _wait_for_ever(0.05)


def _wait_for_ever(at_most: float) -> None:
    with checks._at_most(at_most):
        while True:
            time.sleep(0.01)


def test_an_alert_must_be_a_json_object_with_a_payment_id(monkeypatch: pytest.MonkeyPatch):
    def records(*values: bytes):
        monkeypatch.setattr(
            checks.consume,
            "read_all",
            lambda ws, topic: [SimpleNamespace(value=value, key=b"card", timestamp=1) for value in values],
        )

    records(json.dumps({"payment_id": "p"}).encode())
    assert checks._alerts(None, "topic") == [{"payment_id": "p", "key": b"card"}]
    for value in (b"fraud!", b"[]", b"{}", None):
        records(value)
        with pytest.raises(Exception) as refused:  # noqa: PT011  # the engine's own type
            checks._alerts(None, "topic")
        assert "a JSON object with `payment_id`" in str(refused.value.lines)


def test_the_questions_explain_each_choice():
    assert [question.right for question in checks.questions.questions] == ["c", "b", "a"]


@pytest.mark.parametrize(
    ("states", "calls"),
    [
        ([({}, 0), ({}, 0)], 2),  # joining outlasted its five seconds
        ([({"incoming-0": 40}, 2), ({"incoming-0": 40}, 2)], 2),
        ([({}, 0), ({"incoming-0": 40}, 0)], 1),
        ([({}, 0), ({}, 2)], 1),
    ],
)
def test_a_service_that_has_read_nothing_is_started_once_more(
    states: list[tuple[dict, int]], calls: int, monkeypatch: pytest.MonkeyPatch
):
    called: list[tuple] = []
    monkeypatch.setattr(checks, "_done", lambda ws, alerts, group: states.pop(0))
    checks._serve(None, lambda *names: called.append(names), "incoming", "alerts", "watch")
    assert called == [("incoming", "alerts", "watch")] * calls
