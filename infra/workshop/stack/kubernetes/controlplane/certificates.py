"""Certificates of one control plane, created once: three authorities and the certificates they issue."""

from __future__ import annotations

import base64
import datetime
import ipaddress
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from workshop.base.addresses import Addresses
from workshop.base.files import write_atomically
from workshop.stack.kubernetes.kubectl import NAMESPACE

VALID = datetime.timedelta(days=365)
RENEW = datetime.timedelta(days=30)
CLUSTER, FRONT_PROXY, ETCD = "ca", "front-proxy-ca", "etcd-ca"
CLIENT, SERVER = ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH
LOCAL = ("127.0.0.1", "localhost")
METRICS = "node-agent-metrics.kube-system.svc"  # the host name that the API server uses for metrics


@dataclass(frozen=True)
class Certificate:
    """A certificate to issue: its authority, common name, groups, addresses and usages."""

    authority: str
    name: str
    groups: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    usages: tuple[x509.ObjectIdentifier, ...] = (CLIENT,)


def wanted(workers: Sequence[str], addresses: Addresses) -> dict[str, Certificate]:
    """Return all certificates of a stack, by file name."""
    kubernetes = ("kubernetes", "kubernetes.default", "kubernetes.default.svc", addresses.api_service)
    nodes = tuple(addresses.node(number) for number in range(1, len(workers) + 1))
    both = (SERVER, CLIENT)
    api = (*LOCAL, *kubernetes, addresses.to_loopback(addresses.api_service))
    users = {"controller-manager": "system:kube-controller-manager", "scheduler": "system:kube-scheduler"}
    users |= {"kube-proxy": "system:kube-proxy", "apiserver-kubelet-client": "kube-apiserver-kubelet-client"}
    return {
        "apiserver": Certificate(CLUSTER, "kube-apiserver", addresses=api, usages=(SERVER,)),
        "kubelet-serving": Certificate(CLUSTER, "node-agent", addresses=(*LOCAL, METRICS, *nodes), usages=(SERVER,)),
        "etcd-server": Certificate(ETCD, "etcd", addresses=LOCAL, usages=both),
        "apiserver-etcd-client": Certificate(ETCD, "kube-apiserver"),
        "front-proxy-client": Certificate(FRONT_PROXY, "front-proxy-client"),
        "admin": Certificate(CLUSTER, "workshop-admin", ("system:masters",)),
        **{name: Certificate(CLUSTER, user) for name, user in users.items()},
        **{f"node-{name}": Certificate(CLUSTER, f"system:node:{name}", ("system:nodes",)) for name in workers},
    }


def make(folder: Path, workers: Sequence[str], addresses: Addresses) -> None:
    """Create certificates that are missing, expire soon or have other addresses.

    Private keys are readable by their owner only.
    """
    make_these(folder, wanted(workers, addresses))
    if not ((folder / "sa.key").exists() and (folder / "sa.pub").exists()):
        key = _new_key(folder / "sa.key")
        public = key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        write_atomically(folder / "sa.pub", public)


def make_these(folder: Path, certificates: Mapping[str, Certificate]) -> bool:
    """Create certificates and their authorities, unless all exist and are valid.

    Returns:
        Whether they were created.
    """
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    plan = json.dumps({name: [one.name, *one.groups, *one.addresses] for name, one in certificates.items()}, indent=1)
    vouching = sorted({one.authority for one in certificates.values()})
    files = [folder / f"{name}.{end}" for name in (*certificates, *vouching) for end in ("crt", "key")]
    if all(file.exists() for file in files) and _still_good(folder, plan):
        return False
    authorities = {name: _authority(folder, name) for name in vouching}
    for name, certificate in certificates.items():
        _issue(folder, name, certificate, authorities[certificate.authority])
    write_atomically(folder / "plan.json", plan)
    return True


def kubeconfig(file: Path, folder: Path, user: str, server: str) -> None:
    """Write the kubeconfig of `user` with the key embedded, readable by its owner only."""

    def embedded(name: str) -> str:
        return base64.b64encode((folder / name).read_bytes()).decode()

    keys = {"client-certificate-data": embedded(f"{user}.crt"), "client-key-data": embedded(f"{user}.key")}
    cluster = {"server": server, "certificate-authority-data": embedded(f"{CLUSTER}.crt")}
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "workshop", "cluster": cluster}],
        "users": [{"name": user, "user": keys}],
        "contexts": [{"name": "workshop", "context": {"cluster": "workshop", "user": user, "namespace": NAMESPACE}}],
        "current-context": "workshop",
    }
    write_atomically(file, json.dumps(config, indent=1), mode=0o600)


def _still_good(folder: Path, plan: str) -> bool:
    try:
        same = (folder / "plan.json").read_text() == plan
        until = min(
            x509.load_pem_x509_certificate(file.read_bytes()).not_valid_after_utc for file in folder.glob("*.crt")
        )
    except (OSError, ValueError):
        return False
    return same and until > _now() + RENEW


def _authority(folder: Path, name: str) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    certificate, key = folder / f"{name}.crt", folder / f"{name}.key"
    try:
        found = x509.load_pem_x509_certificate(certificate.read_bytes())
        if found.not_valid_after_utc > _now() + RENEW:
            private = serialization.load_pem_private_key(key.read_bytes(), None)
            if isinstance(private, ec.EllipticCurvePrivateKey):
                return found, private
    except (OSError, ValueError):
        pass
    private = _new_key(key)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"workshop {name}")])
    usage = dict.fromkeys(("content_commitment", "key_encipherment", "data_encipherment", "key_agreement"), False)
    usage |= {"digital_signature": True, "key_cert_sign": True, "crl_sign": True}
    made = (
        _begun(subject, private.public_key(), 10 * VALID)
        .issuer_name(subject)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.KeyUsage(**usage, encipher_only=False, decipher_only=False), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(private.public_key()), critical=False)
        .sign(private, hashes.SHA256())
    )
    write_atomically(certificate, made.public_bytes(serialization.Encoding.PEM))
    return made, private


def _issue(
    folder: Path, name: str, wanted: Certificate, by: tuple[x509.Certificate, ec.EllipticCurvePrivateKey]
) -> None:
    authority, signer = by
    private = _new_key(folder / f"{name}.key")
    groups = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group) for group in wanted.groups]
    subject = x509.Name([*groups, x509.NameAttribute(NameOID.COMMON_NAME, wanted.name)])
    identifier = authority.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    builder = (
        _begun(subject, private.public_key(), VALID)
        .issuer_name(authority.subject)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage(wanted.usages), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), critical=False)
    )
    if wanted.addresses:
        alternatives = x509.SubjectAlternativeName([_alternative(address) for address in wanted.addresses])
        builder = builder.add_extension(alternatives, critical=False)
    made = builder.sign(signer, hashes.SHA256())
    write_atomically(folder / f"{name}.crt", made.public_bytes(serialization.Encoding.PEM))


def _begun(subject: x509.Name, key: ec.EllipticCurvePublicKey, valid: datetime.timedelta) -> x509.CertificateBuilder:
    now = _now()
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))  # virtual machines' clocks jump slightly
        .not_valid_after(now + valid)
    )


def _alternative(address: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(address))
    except ValueError:
        return x509.DNSName(address)


def _new_key(file: Path) -> ec.EllipticCurvePrivateKey:
    key = ec.generate_private_key(ec.SECP256R1())
    plain = serialization.NoEncryption()
    text = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    write_atomically(file, text, mode=0o600)
    return key


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)
