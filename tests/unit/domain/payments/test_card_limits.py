"""What `limit-alerts` knows: the limits are a fold of the changes, and an alert is a payment beyond one."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st
from workshop.domain.debezium import Change
from workshop.domain.payments import PaymentMade
from workshop.domain.payments.limits import LimitExceeded, Limits, limits
from workshop.lessons.change_data_capture import outbox

NOW = datetime(2026, 1, 2, tzinfo=UTC)
STEPS = st.lists(st.tuples(st.sampled_from("abc"), st.one_of(st.none(), st.integers(0, 1_000))))


def changes(steps: list) -> list[Change]:
    found = []
    for card, cents in steps:
        key = {"card": card}
        if cents is None:
            found += [Change("delete", key, {"card": card}, None, 0, 0), Change("tombstone", key, None, None, 0, 0)]
        else:
            found.append(Change("update", key, None, {"card": card, "limit_cents": cents}, 0, 0))
    return found


@given(STEPS)
def test_the_last_change_of_a_card_counts_and_told_twice_alters_nothing(steps):
    last = dict(steps)
    wanted = {card: cents for card, cents in last.items() if cents is not None}
    once = changes(steps)
    assert limits(once).cents == wanted
    assert limits(change for change in once for _ in range(2)).cents == wanted


@given(STEPS, st.integers(0, 60))
def test_what_is_sent_again_after_a_crash_ends_where_it_would_have(steps, back):
    once = changes(steps)
    assert limits([*once, *once[max(0, len(once) - back) :]]).cents == limits(once).cents


@given(st.integers(0, 1_000), st.integers(0, 1_000))
def test_a_payment_up_to_the_limit_is_fine_and_beyond_it_is_told_of(amount, limit):
    alert = Limits({"a": limit}).judge(PaymentMade("a", "terminal-1", amount, NOW, "p"))
    assert (alert is None) == (amount <= limit)
    if alert:
        assert (alert.payment_id, alert.limit_cents) == ("p", limit)
        assert LimitExceeded.parse(alert.value()) == alert


def test_a_card_that_the_bank_does_not_have_is_told_of():
    assert Limits().judge(PaymentMade("a", "terminal-1", 1, NOW, "p")).limit_cents is None


def test_only_the_outbox_is_routed():
    settings = outbox.router("bank-1.events", "bank-1.public.outbox")
    assert settings["predicates.is-outbox.pattern"] == r"bank-1\.public\.outbox"
    assert settings["transforms.outbox.predicate"] == settings["predicates"]
