"""What can be said of a run of faults without one: the ledger, the join, the figures, the plan."""

from __future__ import annotations

import io
import json
from collections import Counter
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kafka.errors import KafkaTimeoutError
from kafka.producer.transaction_manager import TransactionalRequestResult
from workshop.base.errors import WorkshopError
from workshop.chaos import faults
from workshop.chaos.figures import AFTER, BEFORE, DURING, Step, figures, percentile, spans
from workshop.chaos.ledger import Attempt, Entry, Ledger, Writer, order
from workshop.chaos.reconcile import ACKNOWLEDGED, REFUSED, UNKNOWN, Promise, euros, reconcile
from workshop.domain.payments.accounts import OPENING_CENTS
from workshop.kafka import dead_letters
from workshop.kafka.repairs import client

PROMISES = st.dictionaries(
    st.integers(0, 60).map(str), st.tuples(st.integers(0, 500), st.sampled_from([ACKNOWLEDGED, REFUSED, UNKNOWN]))
)
DEBITS = st.lists(st.tuples(st.integers(0, 60).map(str), st.integers(0, 500)))


def promised(found: dict) -> list[Promise]:
    return [Promise(one, cents, outcome) for one, (cents, outcome) in found.items()]


@given(PROMISES, DEBITS)
def test_every_payment_is_in_the_matrix_once_and_no_fault_is_overlooked(ledger: dict, debits: list):
    found = reconcile(promised(ledger), debits)
    times = Counter(one for one, _ in debits)
    assert sum(found.matrix.values()) == len(ledger)
    assert found.lost == {one for one, (_, outcome) in ledger.items() if outcome == ACKNOWLEDGED and not times[one]}
    assert found.twice == {one for one, count in times.items() if count > 1}
    assert found.strangers == set(times) - set(ledger)
    good = all(
        count == 1 and one in ledger and ledger[one][1] != REFUSED and (one, ledger[one][0]) in debits
        for one, count in times.items()
    )
    assert found.kept == (good and not found.lost)


@given(PROMISES)
def test_who_debits_what_was_acknowledged_keeps_the_promise_and_what_is_unknown_may_be_debited_or_not(ledger: dict):
    said_yes = [(one, cents) for one, (cents, outcome) in ledger.items() if outcome == ACKNOWLEDGED]
    unknown = [(one, cents) for one, (cents, outcome) in ledger.items() if outcome == UNKNOWN]
    for debits in (said_yes, said_yes + unknown):
        found = reconcile(promised(ledger), debits)
        assert found.kept
        assert found.promised_cents == found.debited_cents == sum(cents for _, cents in said_yes)


def test_equal_sums_do_not_hide_a_loss_and_a_double():
    found = reconcile([Promise("a", 500, ACKNOWLEDGED), Promise("b", 500, ACKNOWLEDGED)], [("a", 500), ("a", 500)])
    assert found.promised_cents == found.debited_cents
    assert (found.lost, found.twice, found.kept) == ({"b"}, {"a"}, False)
    assert "lost 1, debited twice 1" in found.sentence()


def test_an_amount_that_differs_breaks_the_promise():
    assert reconcile([Promise("a", 500, ACKNOWLEDGED)], [("a", 501)]).wrong == {"a"}
    assert euros(123_456) == "1,234.56 €"


def test_a_ledger_is_read_while_it_is_written(tmp_path: Path):
    path = tmp_path / "ledger.jsonl"
    ledger = Ledger(path)
    assert ledger.refresh() == {}
    with path.open("a") as file:
        writer = Writer(file)
        writer.wanted(Entry("p1", "k", "c", 5, 10.0))
        assert ledger.promises() == [Promise("p1", 5, UNKNOWN)]
        writer.tried("p1", Attempt(10.0, 5.0, 0, "ReadTimeout"))
        file.write(json.dumps({"of": "p1", "at": 15.5, "seconds": 0.5, "status": 201, "said": ""})[:20])
        file.flush()
        assert ledger.promises() == [Promise("p1", 5, UNKNOWN)]
        file.write(json.dumps({"of": "p1", "at": 15.5, "seconds": 0.5, "status": 201, "said": ""})[20:] + "\n")
        file.flush()
        assert ledger.promises() == [Promise("p1", 5, ACKNOWLEDGED)]
    assert ledger.entries["p1"].acknowledged_at == 16.0


@pytest.mark.parametrize(
    ("statuses", "outcome"),
    [
        ((), UNKNOWN),
        ((0,), UNKNOWN),
        ((503,), UNKNOWN),
        ((422,), REFUSED),
        ((0, 422), UNKNOWN),
        ((0, 503, 201), ACKNOWLEDGED),
    ],
)
def test_a_no_counts_only_if_nothing_before_it_may_have_been_written(statuses: tuple, outcome: str):
    attempts = [Attempt(float(number), 0.1, status) for number, status in enumerate(statuses)]
    assert Entry("p", "k", "c", 1, 0.0, attempts).outcome == outcome


def test_no_card_of_a_run_pays_more_than_lies_on_it_and_no_key_comes_twice():
    spent: Counter = Counter()
    keys = set()
    for number in range(30_000):
        key, card, cents = order("run", number)
        spent[card] += cents
        keys.add(key)
    assert len(keys) == 30_000
    assert max(spent.values()) <= OPENING_CENTS


def test_figures_are_of_their_own_time():
    entries = [Entry(str(n), "", "", 1, float(n), [Attempt(float(n), 0.1, 201)]) for n in range(10)]
    entries.append(Entry("late", "", "", 1, 4.5, [Attempt(4.5, 1.0, 503), Attempt(6.0, 0.5, 201)]))
    del entries[5:7]  # nothing is acknowledged from 4.1 until 6.5
    of = spans([Step(("broker-killed",), 4.0, well=7.0)], 0.0, 10.0)
    assert of == {BEFORE: [(0.0, 4.0)], DURING: [(4.0, 7.0)], AFTER: [(7.0, 10.0)]}
    found = {word: figures(entries, some) for word, some in of.items()}
    assert [found[word].payments for word in (BEFORE, DURING, AFTER)] == [4, 2, 3]
    assert found[DURING].gap == pytest.approx(2.4)
    assert found[DURING].p95 == pytest.approx(2.0)
    assert found[DURING].again == 1
    assert found[BEFORE].gap == pytest.approx(1.0)
    assert found[AFTER].p95 == pytest.approx(0.1)
    assert percentile([], 0.95) != percentile([], 0.95)


def test_a_plan_follows_from_its_seed_has_every_fault_alone_and_two_at_once():
    count = len(faults.FAULTS) + len(faults.FAULTS) // 2  # a round
    steps = list(islice(faults.plan(7), count))
    assert steps == list(islice(faults.plan(7), count))
    assert steps != list(islice(faults.plan(8), count))
    assert sorted(step[0] for step in steps if len(step) == 1) == sorted(faults.FAULTS)
    assert [len(set(step)) for step in steps[:6]] == [1, 1, 2, 1, 1, 2]


def test_names_are_checked_before_anything_breaks():
    assert faults.parse("broker-killed + poison") == ("broker-killed", "poison")
    with pytest.raises(WorkshopError, match="no fault 'fire'"):
        faults.parse("fire")
    with pytest.raises(WorkshopError, match="twice"):
        faults.parse("poison+poison")


@given(st.binary(max_size=200) | st.none(), st.binary(max_size=200) | st.none(), st.text(max_size=600))
def test_a_dead_letter_keeps_the_bytes_and_tells_from_where_and_why(key, value, reason: str):
    record = Record(key, value, [("type", b"x"), ("empty", None)])
    sent = dead_letters.letter(record, "debits", reason)
    assert (sent["key"], sent["value"]) == (key, value)
    assert sent["headers"][:2] == record.headers
    opened = dead_letters._opened(Record(key, value, sent["headers"]))
    assert (opened.topic, opened.partition, opened.offset, opened.service, opened.whole) == ("t", 1, 2, "debits", True)
    assert opened.reason == reason[:500].encode(errors="replace").decode()


@pytest.mark.parametrize(("key", "value"), [(b"k", b"v" * 1_048_000), (b"k" * 1_040_000, b"v"), (None, b"v" * 950_000)])
def test_a_letter_that_a_broker_would_not_take_is_cut_and_says_so(key, value):
    sent = dead_letters.letter(Record(key, value, [("h", b"x" * 5_000)]), "debits", "why")
    assert len(sent["key"] or b"") + len(sent["value"]) < dead_letters.LARGEST
    assert ("whole", b"no") in sent["headers"]


class Record:
    """What a consumer gives."""

    topic, partition, offset = "t", 1, 2

    def __init__(self, key, value, headers) -> None:
        self.key, self.value, self.headers = key, value, headers


def test_nobody_waits_for_ever_for_a_step_of_a_transaction(monkeypatch: pytest.MonkeyPatch):
    client.apply()
    monkeypatch.setattr(client, "LONGEST", 0.01)
    never, done = TransactionalRequestResult(), TransactionalRequestResult()
    with pytest.raises(KafkaTimeoutError, match="not answered within"):
        never.wait()
    assert not never.wait(timeout_ms=1)  # who gives a time asks for the answer, not for an error
    done.done()
    assert done.wait()


def test_a_writer_writes_lines():
    file = io.StringIO()
    Writer(file).tried("p", Attempt(1.0, 2.0, 503, "why"))
    assert json.loads(file.getvalue()) == {"of": "p", "at": 1.0, "seconds": 2.0, "status": 503, "said": "why"}
