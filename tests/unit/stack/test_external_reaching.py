"""Why somebody else's Kafka cannot be reached: a sentence for each reason. Real sockets answer."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator

import pytest
from kafka.errors import KafkaTimeoutError
from workshop.base.errors import WorkshopError
from workshop.base.external_site import Site
from workshop.kafka import admin, probe
from workshop.stack.external import reaching


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """The servers here answer or close, however late."""
    monkeypatch.setattr(reaching, "PATIENCE", 60.0)
    monkeypatch.setattr(probe, "ANSWER_SECONDS", None)


def site(*bootstrap: str, **more: str) -> Site:
    return Site(bootstrap=bootstrap, **more)


def refusal(made: Site) -> WorkshopError:
    kafka = {"security_protocol": made.security}
    trouble = reaching._trouble(made.bootstrap[0], made, kafka)
    assert trouble is not None
    return trouble


@pytest.fixture
def server() -> Iterator[Callable[[bytes | None], str]]:
    """A server that reads and answers with some bytes, or closes; or with None keeps silent."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def started(answer: bytes | None) -> str:
            def run() -> None:
                connection, _ = listener.accept()
                with connection:
                    connection.recv(1_000)
                    if answer is None:
                        connection.settimeout(5)
                        connection.recv(1_000)
                    else:
                        connection.sendall(answer)

            threading.Thread(target=run, daemon=True).start()
            return f"127.0.0.1:{listener.getsockname()[1]}"

        yield started


def test_a_port_where_nobody_listens_is_told():
    with socket.create_server(("127.0.0.1", 0)) as closed:
        address = f"127.0.0.1:{closed.getsockname()[1]}"
    assert refusal(site(address)).happened == f"Nothing answers at {address}: Connection refused."


def test_a_name_that_is_not_known_is_told(monkeypatch: pytest.MonkeyPatch):
    def unknown(*about: object) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(probe, "connection", unknown)
    found = refusal(site("kafka.example:9092"))
    assert found.happened == "The host name kafka.example cannot be resolved."
    assert "VPN" in found.next_step


@pytest.mark.parametrize(("answer", "said"), [(b"", "closed the connection"), (None, "does not answer")])
def test_what_listens_and_is_no_broker_is_told(
    server: Callable, answer: bytes | None, said: str, monkeypatch: pytest.MonkeyPatch
):
    if answer is None:
        monkeypatch.setattr(probe, "ANSWER_SECONDS", 0.05)
    address = server(answer)
    assert refusal(site(address)).happened == (
        f"Something listens at {address}, but it {said} (WORKSHOP_KAFKA_SECURITY is PLAINTEXT)."
    )


def test_a_server_that_does_not_speak_tls_is_told(server: Callable):
    address = server(b"this is not TLS, and long enough to be read as a record")
    assert (
        "but it does not speak TLS (WORKSHOP_KAFKA_SECURITY is SSL)" in refusal(site(address, security="SSL")).happened
    )


@pytest.mark.parametrize(("ca", "advice"), [("/ca.pem", "ask for it again"), ("", "to the authority of the brokers")])
def test_a_certificate_that_is_not_trusted_is_told_with_the_setting(
    ca: str, advice: str, monkeypatch: pytest.MonkeyPatch
):
    def untrusted(*about: object) -> None:
        error = ssl.SSLCertVerificationError(1, "failed")
        error.verify_message = "self-signed certificate"
        raise error

    monkeypatch.setattr(probe, "connection", untrusted)
    found = refusal(site("kafka:9092", security="SSL", ca=ca))
    assert "self-signed certificate" in found.happened
    assert advice in found.next_step


class Admin:
    """An admin client of two brokers, or one that gets no answer."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error

    def describe_cluster(self) -> dict:
        if self.error:
            raise self.error
        return {"brokers": [1, 2]}

    def close(self) -> None:
        """Nothing is open."""


def reach(
    monkeypatch: pytest.MonkeyPatch, troubles: dict[str, str], error: Exception | None = None, **more: str
) -> int:
    made = site("a:1", "b:2", **more)
    told = {address: WorkshopError(text) for address, text in troubles.items()}
    monkeypatch.setattr(reaching, "_trouble", lambda address, site, kafka: told.get(address))
    monkeypatch.setattr(admin, "admin", lambda kafka, **options: Admin(error))
    return reaching.must_answer(made, {})


def test_one_broker_that_answers_is_enough(monkeypatch: pytest.MonkeyPatch):
    assert reach(monkeypatch, {"a:1": "dead"}) == 2


def test_if_none_answers_the_first_reason_is_told(monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(WorkshopError, match="first"):
        reach(monkeypatch, {"a:1": "first", "b:2": "second"})


@pytest.mark.parametrize(
    ("security", "said", "sentence"),
    [
        ("SASL_SSL", "Unsupported SASL mechanism", "Kafka does not support the mechanism PLAIN"),
        ("SASL_SSL", "Authentication failed", "Kafka refuses the user me: Authentication failed."),
        ("SASL_SSL", "", "Kafka answers, but the brokers of the cluster could not be listed"),
        ("PLAINTEXT", "", "Kafka answers, but refuses clients without credentials"),
    ],
)
def test_a_refusal_is_told_with_what_the_broker_says(
    security: str, said: str, sentence: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(reaching, "_said", lambda kafka: said)
    about = {"security": security, "user": "me", "mechanism": "PLAIN", "password_file": "/password"}
    with pytest.raises(WorkshopError, match=sentence):
        reach(monkeypatch, {}, KafkaTimeoutError("late"), **about)
