"""The unreliable front of `payments`, and the verdicts on a customer's program."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import requests
from workshop.lessons.reliability_game_day import checks
from workshop.lessons.reliability_game_day.front import LOSE, PASS, REFUSE, SCRIPTS, Attempt, Front
from workshop.notebook.exercises import engine

ORDER = {"card": "card-1", "terminal": "t", "amount_cents": 420}
SESSION = requests.Session()
SESSION.trust_env = False


@pytest.fixture
def payments() -> Iterator[ThreadingHTTPServer]:
    """A service that acknowledges each order, and keeps bodies and keys."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self.server.seen.append((self.path, json.loads(body), self.headers.get("Idempotency-Key")))
            content = b'{"payment_id": "id-1"}'
            self.send_response(422 if b"wrong" in body else 201)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.seen = []
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def post(front: Front, **more: object) -> requests.Response:
    return SESSION.post(front.url, json={**ORDER, **more}, headers={"Idempotency-Key": "k"}, timeout=30)


def test_the_first_answer_is_lost_the_second_request_refused_and_the_third_passed_on(payments: ThreadingHTTPServer):
    with Front(f"http://127.0.0.1:{payments.server_port}") as front:
        with pytest.raises(requests.ConnectionError):
            post(front)
        assert post(front).status_code == 503
        answer = post(front)
    assert answer.status_code == 201
    assert answer.json() == {"payment_id": "id-1"}
    assert payments.seen == [("/payments", ORDER, "k")] * 2
    assert [(one.order, one.key, one.did, one.status) for one in front.attempts] == [
        (0, "k", LOSE, 201),
        (0, "k", REFUSE, 0),
        (0, "k", PASS, 201),
    ]


def test_a_refusal_of_the_service_is_passed_on(payments: ThreadingHTTPServer):
    with Front(f"http://127.0.0.1:{payments.server_port}") as front:
        assert post(front, card="wrong").status_code == 422


def test_a_service_that_does_not_answer_is_a_503(payments: ThreadingHTTPServer):
    payments.shutdown()
    payments.server_close()
    with Front(f"http://127.0.0.1:{payments.server_port}") as front:
        assert post(front).status_code == 503


def unmet(call) -> str:
    with pytest.raises(engine._Unmet) as told:
        call()
    return dict(told.value.lines)["observed"]


def attempts(*keys: tuple, pause: float = 0.3) -> list[Attempt]:
    """The attempts of a program at each order, with these keys."""
    found = []
    for order, some in enumerate(keys):
        for number, key in enumerate(some):
            did = SCRIPTS[order][number] if number < len(SCRIPTS[order]) else PASS
            found.append(Attempt(order, at := order * 100 + number * pause, at, key, did, 0 if did == REFUSE else 201))
    return found


GOOD = (("a",) * 3, ("b",) * 4)


def test_a_program_that_retries_with_one_key_for_each_order_passes():
    made = attempts(*GOOD)
    checks._judge_attempts(made)
    checks._judge_effect(made, Counter({"1": 2, "2": 2}), Counter({"1": 1, "2": 1}), ["1", "2"])


@pytest.mark.parametrize(
    ("made", "said"),
    [
        ([], "no POST arrived for order 1"),
        (attempts(("a",)), "`pay` gave up after 1 request(s) for order 1: the last one was answered with nothing"),
        (attempts(("a",) * 2), "`pay` gave up after 2 request(s) for order 1: the last one was answered with 503"),
        (attempts(GOOD[0]), "no POST arrived for order 2"),
        (attempts(*GOOD, pause=0.001), "1 ms on average between an answer and the next request"),
        ([Attempt(0, 0, 0, "a", PASS, 422)], "`payments` refused order 1 with 422"),
    ],
)
def test_a_program_that_gives_up_or_hammers_is_told(made: list[Attempt], said: str):
    assert unmet(lambda: checks._judge_attempts(made)).startswith(said)


@pytest.mark.parametrize(
    ("keys", "debits", "returned", "said"),
    [
        ((("a",) * 3, ("a",) * 4), {"1": 1}, ["1", "1"], "1 debit for 2 orders: the key of the second order"),
        ((("a", "x", "y"), ("b",) * 4), {"1": 1, "2": 1, "3": 1}, ["1", "2"], "3 debits for 2 orders: the answer to a"),
        (((None,) * 3, ("b",) * 4), {"1": 1, "2": 1, "3": 1}, ["1", "2"], "3 debits for 2 orders: a request without a"),
        (GOOD, {"1": 1, "2": 1}, [None, None], "`pay` returned [None, None]"),
        (GOOD, {"1": 1, "2": 1}, ["1", "1"], "`pay` returned ['1', '1']"),
    ],
)
def test_a_program_that_pays_too_often_or_too_seldom_is_told(keys: tuple, debits: dict, returned: list, said: str):
    found = Counter(debits)
    assert unmet(lambda: checks._judge_effect(attempts(*keys), found, found, returned)).startswith(said)


def test_an_error_of_the_program_is_shown(payments: ThreadingHTTPServer):
    with Front(f"http://127.0.0.1:{payments.server_port}") as front:
        said = unmet(lambda: checks._called(lambda url, order: 1 / 0, front, ORDER))
    assert said == "`pay` raised ZeroDivisionError at request 0: division by zero"
