"""Certificates for tests: an authority, and those whom it signs."""

from __future__ import annotations

import ipaddress
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from workshop.base.addresses import Addresses

FIRST_PORT = 1024 + 20 * random.randint(100, 240)
ADMIN, NOBODY = ("kube-apiserver-kubelet-client", "system:masters"), ("eve", "guests")


class Authority:
    """Signs certificates."""

    def __init__(self, name: str) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        extension = x509.BasicConstraints(ca=True, path_length=None)
        self._certificate = self._begun(self._name, self._key).add_extension(extension, critical=True)
        usage = x509.KeyUsage(True, False, False, False, False, True, True, False, False)
        self._certificate = self._certificate.add_extension(usage, critical=True)
        self._certificate = self._certificate.sign(self._key, hashes.SHA256())

    def write(self, path: Path) -> None:
        path.write_bytes(self._certificate.public_bytes(serialization.Encoding.PEM))

    def sign(self, folder: Path, file: str, subject: tuple[str, str]) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        kinds = (x509.NameOID.COMMON_NAME, x509.NameOID.ORGANIZATION_NAME)
        name = x509.Name([x509.NameAttribute(*one) for one in zip(kinds, subject, strict=True)])
        use = x509.ExtendedKeyUsageOID
        serves = file.endswith("serving")
        usage = x509.ExtendedKeyUsage([use.SERVER_AUTH if serves else use.CLIENT_AUTH])
        places = [Addresses(FIRST_PORT).node(number) for number in (1, 2, 3)] + ["127.0.0.1"]
        names = [x509.DNSName("localhost"), *(x509.IPAddress(ipaddress.ip_address(place)) for place in places)]
        made = self._begun(name, key).add_extension(usage, critical=False)
        made = made.add_extension(x509.SubjectAlternativeName(names), critical=False)
        made = made.sign(self._key, hashes.SHA256())
        (folder / f"{file}.crt").write_bytes(made.public_bytes(serialization.Encoding.PEM))
        form = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        (folder / f"{file}.key").write_bytes(key.private_bytes(serialization.Encoding.PEM, *form))

    def _begun(self, subject: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        made = x509.CertificateBuilder().subject_name(subject).issuer_name(self._name).public_key(key.public_key())
        made = made.serial_number(x509.random_serial_number()).not_valid_before(now - timedelta(hours=1))
        return made.not_valid_after(now + timedelta(hours=1))
