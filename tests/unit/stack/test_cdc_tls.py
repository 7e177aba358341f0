"""Certificates of Kafka Connect: made once, and good for a connection in both directions."""

from __future__ import annotations

import socket
import ssl
import threading
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import pkcs12
from workshop.stack.cdc import tls
from workshop.stack.kubernetes.controlplane import certificates

PREFIX = "listeners.https.ssl"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("tls")
    tls.listener(made)
    return made


def test_the_stores_open_with_the_password_that_the_worker_is_told(folder: Path):
    settings = tls.listener(folder)
    password = settings[f"{PREFIX}.keystore.password"].encode()
    store = pkcs12.load_pkcs12(Path(settings[f"{PREFIX}.keystore.location"]).read_bytes(), password)
    assert store.key is not None
    assert store.cert is not None
    with pytest.raises(ValueError, match="password"):
        pkcs12.load_pkcs12(Path(settings[f"{PREFIX}.keystore.location"]).read_bytes(), b"wrong")
    assert settings[f"{PREFIX}.client.auth"] == "required"


def test_what_is_there_is_not_made_again(folder: Path):
    before = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    tls.listener(folder)
    assert {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()} == before


def test_keys_and_passwords_are_readable_by_their_user_only(folder: Path):
    for name in ("worker.p12", "trusted.p12", "password", "client.key", "worker.key"):
        assert (folder / name).stat().st_mode & 0o077 == 0, name


def test_the_client_and_the_worker_trust_each_other(folder: Path):
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=folder / f"{certificates.CLUSTER}.crt")
    server.load_cert_chain(folder / "worker.crt", folder / "worker.key")
    server.verify_mode = ssl.CERT_REQUIRED
    ours, theirs = socket.socketpair()

    def serve() -> None:
        with server.wrap_socket(theirs, server_side=True) as connection:
            connection.sendall(b"hello")

    thread = threading.Thread(target=serve)
    thread.start()
    with tls.context(folder).wrap_socket(ours, server_hostname="127.0.0.1") as connection:
        assert connection.recv(10) == b"hello"
    thread.join(10)


def test_without_a_worker_there_is_no_way_to_ask_it(tmp_path: Path):
    with pytest.raises(FileNotFoundError):
        tls.context(tmp_path)
