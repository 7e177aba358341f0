"""Lesson 09: its helpers, the planted logs, and the verdicts on a reconciliation and on a policy."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from types import SimpleNamespace

import pytest
from workshop.domain.payments import MalformedEvent, parse
from workshop.kafka.dead_letters import DeadLetter
from workshop.lessons.reliability_game_day import checks, experiments, planted, poison
from workshop.lessons.reliability_game_day.policy_trial import RECORDS, Trial
from workshop.notebook.exercises import engine


def unmet(call: Callable[[], object]) -> str:
    with pytest.raises(engine._Unmet) as told:
        call()
    return dict(told.value.lines)["observed"]


def test_readable_payments_can_be_read_and_each_kind_of_poison_fails_with_its_own_reason():
    assert parse(poison.readable(3)).card == "card-0003"
    reasons = set()
    for value in poison.kinds(3).values():
        with pytest.raises(MalformedEvent) as told:
            parse(value)
        reasons.add(str(told.value))
    assert len(reasons) == len(poison.kinds(3)) == 5
    with pytest.raises(MalformedEvent, match="12,50"):
        parse(poison.text_amount("card"))


def test_a_corrected_poison_message_is_a_payment():
    assert parse(poison.text_amount("card-1").replace(b'"12,50"', b"1250")).amount_cents == 1_250


@pytest.mark.parametrize(
    ("offsets", "there"), [({0: 5, 1: 7}, True), ({0: 5, 1: 6}, False), ({0: 9}, False), ({0: 5, 1: 8, 2: 0}, True)]
)
def test_a_group_has_handled_what_it_has_committed_in_each_partition(offsets: dict, there: bool):
    assert experiments._reached(offsets, {0: 5, 1: 7}) is there


@pytest.mark.parametrize("seed", range(20))
def test_a_planted_log_has_its_faults_and_equal_sums(seed: int):
    case = planted.with_faults(seed)
    times, cents = Counter(one for one, _ in case.debits), {entry["id"]: entry["cents"] for entry in case.ledger}
    told = {entry["id"] for entry in case.ledger if entry["outcome"] == "acknowledged"}
    assert case.lost == told - set(times)
    assert case.twice == {one for one, count in times.items() if count > 1}
    assert case.wrong == {one for one, amount in case.debits if cents.get(one, amount) != amount}
    assert case.strangers == set(times) - set(cents)
    assert [len(ids) for ids in (case.lost, case.twice, case.wrong, case.strangers)] == [1, 2, 2, 1]
    assert case.unknown_twice in case.twice - told
    assert case.written in set(times) - told
    assert case.unwritten not in told | set(times)
    assert sum(cents[one] for one in told) == sum(amount for _, amount in case.debits)


def test_a_log_without_faults_has_none():
    case = planted.without_faults(3)
    told = {entry["id"]: entry["cents"] for entry in case.ledger if entry["outcome"] == "acknowledged"}
    assert told.items() <= dict(case.debits).items()
    assert {one for one, _ in case.debits} - told.keys() == {case.written}
    assert len(case.debits) == planted.PAYMENTS - 1


CASE = planted.with_faults(1)
RIGHT = {name: set(getattr(CASE, name)) for name in checks.NAMES}


def test_a_reconciliation_that_finds_everything_passes():
    checks._judge_planted(CASE, RIGHT)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({name: set() for name in checks.NAMES}, "you found nothing: equal sums hide a loss and a double"),
        ({"lost": RIGHT["lost"] | {CASE.written}}, f"you say that {CASE.written} is lost: its request timed out"),
        (
            {"lost": RIGHT["lost"] | {CASE.unwritten}},
            f"you say that {CASE.unwritten} is lost: it timed out, and nobody",
        ),
        ({"lost": set()}, "lost: []"),
        ({"twice": RIGHT["twice"] - {CASE.unknown_twice}}, f"twice: {sorted(RIGHT['twice'] - {CASE.unknown_twice})}; "),
        ({"twice": {CASE.unknown_twice}}, f"twice: ['{CASE.unknown_twice}']"),
        ({"wrong": set()}, "wrong: []"),
        ({"strangers": {"x"}}, "strangers: ['x']"),
    ],
)
def test_a_reconciliation_that_is_wrong_is_told_by_its_ids(changed: dict, said: str):
    assert unmet(lambda: checks._judge_planted(CASE, {**RIGHT, **changed})).startswith(said)


@pytest.mark.parametrize("found", [None, {"1"}, ({"1"},), ({"1"}, {"2"}), {"lost": {"1"}}, {**RIGHT, "more": set()}])
def test_an_answer_of_another_form_is_shown(found: object):
    said = unmet(lambda: checks._asked(lambda ledger, debits: found, [], []))
    assert said.startswith("reconcile(...) returned")


@pytest.mark.parametrize("odd", [17, {17}, "17", None, {"a": 1}])
def test_ids_are_text_in_a_set(odd: object):
    found = {**RIGHT, "wrong": odd}
    assert unmet(lambda: checks._asked(lambda ledger, debits: found, [], [])).startswith("wrong: ")


def test_four_lists_in_order_are_as_good_as_a_dict_of_sets():
    assert checks._asked(lambda ledger, debits: (["1"], {"2"}, (), frozenset("3")), [], []) == {
        "lost": {"1"},
        "twice": {"2"},
        "wrong": set(),
        "strangers": {"3"},
    }


KINDS = {7: "not JSON", 19: "a missing field"}
EXPECTED = {offset: f"id-{offset}" for offset in range(RECORDS) if offset not in KINDS}
AWAY = {25: "KafkaTimeoutError", -19: "KafkaTimeoutError"}


def letters(*offsets: int, reason: str = "") -> list[DeadLetter]:
    return [DeadLetter(None, b"", "topic", 0, offset, "yours", reason or f"reason {offset}") for offset in offsets]


def trial(at: int = RECORDS, aside: list[DeadLetter] | None = None, **changed: int) -> Trial:
    debited = Counter(EXPECTED.values())
    debited.update({name.replace("_", "-"): count - 1 for name, count in changed.items()})
    return Trial(at, EXPECTED, KINDS, +debited, letters(*KINDS) if aside is None else aside, "an error", AWAY)


def test_a_policy_that_sets_the_poison_aside_passes():
    said = checks._judge_policy(trial())
    assert said.startswith(f"{RECORDS - 2} payments debited once each")
    assert "not JSON, a missing field" in said


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (
            trial(at=7),
            "the reader is still at offset 7, and all records behind it wait; the record is poison (not JSON)",
        ),
        (trial(at=8), "the reader is still at offset 8, and all records behind it wait; `take` raised an error"),
        (trial(id_25=0, aside=letters(7, 19, 25)), "the payment at offset [25] is among the dead letters"),
        (trial(aside=letters(7)), "1 vanished: offset [19] (a missing field)"),
        (trial(aside=letters(7, 19, 5)), "3 dead letters, for the offsets [5, 7, 19]"),
        (trial(aside=letters(7, 19, 19)), "3 dead letters, for the offsets [7, 19, 19]"),
        (trial(id_3=2, id_4=2), "2 payments were debited more than once, such as the one at offset [3]"),
        (trial(id_25=0), "1 readable payments were not debited, such as the one at offset [25], whose broker was away"),
        (trial(id_5=0), "1 readable payments were not debited, such as the one at offset [5]"),
        (trial(aside=letters(7, 19, reason="bad")), "the reasons are ['bad'], for 2 different kinds of poison"),
    ],
)
def test_a_policy_that_is_wrong_is_told(found: Trial, said: str):
    assert unmet(lambda: checks._judge_policy(found)).startswith(said)


def test_the_verdicts_of_runs_are_printed_with_their_faults(capsys: pytest.CaptureFixture):
    step = SimpleNamespace(word="broker-killed")
    experiments.verdicts(SimpleNamespace(steps=[step, step], result=SimpleNamespace(sentence=lambda: "all is well")))
    assert capsys.readouterr().out == "broker-killed, broker-killed: all is well\n"


def test_a_fault_is_marked_while_it_lasts_and_repaired_at_the_end():
    day = SimpleNamespace(steps=[], recover=lambda step: recovered.append(step.word))
    recovered: list[str] = []
    with experiments.fault(day, "two brokers killed"):
        assert [step.word for step in day.steps] == ["two brokers killed"]
        assert recovered == []
    assert recovered == ["two brokers killed"]


def test_the_repair_is_left_to_the_run_after_an_error():
    day = SimpleNamespace(steps=[], recover=lambda step: pytest.fail("repaired twice"))
    with pytest.raises(ZeroDivisionError), experiments.fault(day, "two brokers killed"):
        raise ZeroDivisionError
