"""What a service makes of its environment, and how little it imports."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest
from services.http import request_guard
from services.runtime.logs import JsonLines
from services.runtime.settings import Settings
from workshop.base.variables import InvalidVariable
from workshop.kafka import access, name_prefix

BROKERS = {"KAFKA_BOOTSTRAP": "kafka-1:9092, kafka-2:9092"}
INFRA = Path(__file__).parents[3] / "infra"
SERVICES = ("payments", "debits", "fraud_alerts")


def test_brokers_are_all_that_must_be_told():
    settings = Settings.read("debits", BROKERS)
    assert settings.kafka["bootstrap_servers"] == ["kafka-1:9092", "kafka-2:9092"]
    assert (settings.group, settings.port, settings.payments_topic) == ("debits", 8080, "payments")
    assert (settings.card_network_calls, settings.card_network_seconds, settings.work_seconds) == (10, 0.1, 0)


def test_a_kafka_that_asks_who_one_is_gets_the_secrets_files(tmp_path: Path):
    (tmp_path / "password").write_text("word\n")
    told = {**BROKERS, "KAFKA_ACCESS": str(tmp_path), "KAFKA_SECURITY": "SASL_SSL", "KAFKA_USER": "alice"}
    settings = Settings.read("debits", told)
    assert settings.kafka["sasl_plain_password"] == "word"  # noqa: S105 (nobody's)
    assert "ssl_cafile" not in settings.kafka  # the authorities that the system knows
    (tmp_path / "ca.pem").touch()
    assert settings.kafka["ssl_cafile"] == str(tmp_path / "ca.pem")
    assert "word" not in repr(settings).replace("password", "")
    assert "'word'" not in repr(settings.kafka)
    (tmp_path / "password").unlink()
    with pytest.raises(InvalidVariable, match="KAFKA_SECURITY is 'SASL_SSL', and there is no file"):
        Settings.read("debits", told)


def test_a_prefix_counts_for_the_whole_process():
    try:
        settings = Settings.read("debits", {**BROKERS, "KAFKA_PREFIX": "alice-"})
        assert "prefix" not in settings.kafka
        access.prepare({"prefix": settings.kafka_prefix})
        assert name_prefix.full("payments") == "alice-payments"
    finally:
        name_prefix.use("")


def test_a_name_from_outside_is_answered_only_where_the_site_gave_it():
    asked = [(b"host", b"pay.example.org")]
    assert request_guard.refusal(asked)
    assert request_guard.refusal(asked, "other.example.org")
    assert not request_guard.refusal(asked, "Pay.example.org")
    assert request_guard.refusal([*asked, (b"origin", b"https://pay.example.org")], "pay.example.org")


def test_a_pod_listens_on_its_own_address_where_it_is_told_one():
    assert Settings.read("payments", {**BROKERS, "POD_IP": "10.1.2.3"}).host == "10.1.2.3"
    assert Settings.read("payments", {**BROKERS, "POD_IP": "10.1.2.3", "HOST": "127.0.0.1"}).host == "127.0.0.1"
    assert Settings.read("payments", BROKERS).host == "0.0.0.0"  # noqa: S104 (it is what is expected)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("KAFKA_BOOTSTRAP", ""),
        ("KAFKA_BOOTSTRAP", "kafka-1"),
        ("KAFKA_BOOTSTRAP", "kafka 1:9092"),
        ("PAYMENTS_TOPIC", "payments of today"),
        ("KAFKA_SECURITY", "TLS"),
        ("KAFKA_MECHANISM", "GSSAPI"),
        ("KAFKA_PREFIX", "alice"),
        ("KAFKA_ACCESS", "here"),
        ("PUBLIC_HOST", "http://here"),
        ("PORT", "80"),
        ("PORT", "http"),
        ("PORT", "1e4"),
        ("CARD_NETWORK_CALLS", "0"),
        ("CARD_NETWORK_CALLS", "2.5"),
        ("CARD_NETWORK_MS", "-1"),
        ("CARD_NETWORK_MS", "nan"),
        ("CARD_NETWORK_MS", "inf"),
        ("SHUTDOWN_SECONDS", "0"),
        ("RELEASE", "two words"),
    ],
)
def test_a_wrong_value_is_told_by_its_name(name: str, value: str):
    with pytest.raises(InvalidVariable, match=f"^{name} is .* It takes "):
        Settings.read("payments", {**BROKERS, name: value})


@pytest.mark.parametrize("module", SERVICES)
def test_a_wrong_value_ends_the_process_with_a_sentence_and_exit_code_2(module: str):
    done = _python("-m", f"services.{module}", KAFKA_BOOTSTRAP="kafka:9092", PORT="eighty")
    assert (done.returncode, done.stdout) == (2, "")
    name = module.replace("_", "-")
    assert done.stderr == f"{name} cannot start: PORT is 'eighty'. It takes a whole number from 1024 to 65535.\n"


@pytest.mark.parametrize("module", SERVICES)
def test_a_service_imports_only_what_its_image_holds(module: str):
    program = f"import services.{module}, sys; print(*sorted(sys.modules))"
    done = _python("-c", program)
    assert done.returncode == 0, done.stderr
    imported = set(done.stdout.split())
    assert not imported & {"numpy", "pandas", "psutil", "IPython", "jupyter_core", "matplotlib", "kubernetes", "rich"}
    let_in = (INFRA / ".dockerignore").read_text()
    for name in sorted(name for name in imported if name.startswith("workshop.")):
        file = Path(*name.split("."))
        covered = (f"!{file}.py", f"!{file}/__init__.py", f"!{file}/*.py", f"!{file.parent}/*.py")
        assert any(line in let_in.splitlines() for line in covered), f"the image lacks {name}"


def test_a_log_line_is_one_json_object_whatever_the_message_holds():
    record = logging.LogRecord("a", logging.WARNING, "", 0, 'two\nlines and "%s"', ("é",), None)
    record.fields = {"offset": 3}
    line = JsonLines(Settings.read("payments", {**BROKERS, "POD_NAME": "payments-1"})).format(record)
    assert "\n" not in line
    told = json.loads(line)
    assert told["message"] == 'two\nlines and "é"'
    assert (told["level"], told["service"], told["pod"], told["offset"]) == ("warning", "payments", "payments-1", 3)


def _python(*words: str, **env: str) -> subprocess.CompletedProcess:
    clean = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "PYTHONPATH")}
    command = [sys.executable, *words]
    return subprocess.run(command, env={**clean, **env}, capture_output=True, text=True, timeout=60, check=False)
