"""Access to Kafka Connect by TLS client certificates, since it has no users or passwords of its own.

A certificate authority, a certificate of the worker and one of its client are created once; the worker's as PKCS #12.
"""

from __future__ import annotations

import secrets
import ssl
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import pkcs12

from workshop.base.files import write_atomically
from workshop.stack.kubernetes.controlplane import certificates

WORKER, CLIENT, PASSWORD = "worker", "client", "password"
WANTED = {
    WORKER: certificates.Certificate(
        certificates.CLUSTER, "kafka-connect", addresses=certificates.LOCAL, usages=(certificates.SERVER,)
    ),
    CLIENT: certificates.Certificate(certificates.CLUSTER, "workshop"),
}


def listener(folder: Path) -> dict[str, str]:
    """Return a worker's listener settings; create certificates that are missing or expire soon."""
    password = _made(folder)
    prefix = "listeners.https.ssl"
    return {
        f"{prefix}.client.auth": "required",
        f"{prefix}.keystore.type": "PKCS12",
        f"{prefix}.keystore.location": str(folder / "worker.p12"),
        f"{prefix}.keystore.password": password,
        f"{prefix}.key.password": password,
        f"{prefix}.truststore.type": "PKCS12",
        f"{prefix}.truststore.location": str(folder / "trusted.p12"),
        f"{prefix}.truststore.password": password,
    }


def context(folder: Path) -> ssl.SSLContext:
    """Return the client's TLS settings.

    Raises:
        OSError: no worker was started here yet.
    """
    made = ssl.create_default_context(cafile=folder / f"{certificates.CLUSTER}.crt")
    made.load_cert_chain(folder / f"{CLIENT}.crt", folder / f"{CLIENT}.key")
    return made


def _made(folder: Path) -> str:
    if certificates.make_these(folder, WANTED) or not (folder / PASSWORD).exists():
        password = secrets.token_hex(16)
        own, trusted = _certificate(folder, WORKER), _certificate(folder, certificates.CLUSTER)
        key = serialization.load_pem_private_key((folder / f"{WORKER}.key").read_bytes(), None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)  # the type that `certificates` creates
        locked = serialization.BestAvailableEncryption(password.encode())
        store = pkcs12.serialize_key_and_certificates(b"worker", key, own, [trusted], locked)
        write_atomically(folder / "worker.p12", store, mode=0o600)
        known = [pkcs12.PKCS12Certificate(trusted, b"ca")]
        write_atomically(folder / "trusted.p12", pkcs12.serialize_java_truststore(known, locked), mode=0o600)
        write_atomically(folder / PASSWORD, password, mode=0o600)
    return (folder / PASSWORD).read_text()


def _certificate(folder: Path, name: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate((folder / f"{name}.crt").read_bytes())
