"""The control plane's certificates, addresses and settings; nothing is started."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from cryptography import x509
from workshop.base.addresses import Addresses
from workshop.base.diagnosis import diagnose
from workshop.base.errors import WorkshopError
from workshop.base.settings import Ports, Settings
from workshop.stack.kubernetes.controlplane import build, certificates, progress
from workshop.stack.kubernetes.controlplane.plane import WORKERS, ControlPlane

ROOT = Path(__file__).resolve().parents[4]


def settings(tmp_path: Path, **more: str) -> Settings:
    env = {"WORKSHOP_STATE": str(tmp_path / "state"), "WORKSHOP_CACHE": str(tmp_path / "cache"), "HOME": str(tmp_path)}
    return Settings.load({**env, **more})


def certificate(folder: Path, name: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate((folder / f"{name}.crt").read_bytes())


def test_each_stack_has_addresses_of_its_own() -> None:
    one, two = Addresses(19090), Addresses(19110)
    assert one.octet != two.octet
    assert one.to_loopback("10.96.200.9") == f"127.{one.octet}.200.9"
    taken: dict[str, int] = {}
    for first in range(1024, 65535 - 20, 20):
        addresses = Addresses(first)
        networks = [addresses.node(1), *(addresses.to_loopback(addresses.pod_api(node, 9)) for node in (1, 2, 3))]
        start = int(addresses.services.split(".")[2])
        networks += [addresses.to_loopback(f"10.96.{third}.1") for third in range(start, start + 4)]
        for network in {one.rpartition(".")[0] for one in networks}:
            assert taken.setdefault(network, first) == first
            assert all(0 <= int(part) <= 255 for part in network.split("."))


def test_nodes_are_known_as_nodes_and_keys_are_their_owners(tmp_path: Path) -> None:
    certificates.make(tmp_path / "pki", WORKERS, Addresses(19090))
    subject = certificate(tmp_path / "pki", "node-worker-2").subject.rfc4514_string()
    assert subject == "CN=system:node:worker-2,O=system:nodes"
    assert stat.S_IMODE((tmp_path / "pki").stat().st_mode) == 0o700
    for key in (tmp_path / "pki").glob("*.key"):
        assert stat.S_IMODE(key.stat().st_mode) == 0o600, key


def test_certificates_are_by_their_authority(tmp_path: Path) -> None:
    folder = tmp_path / "pki"
    certificates.make(folder, WORKERS, Addresses(19090))
    for name, wanted in certificates.wanted(WORKERS, Addresses(19090)).items():
        certificate(folder, name).verify_directly_issued_by(certificate(folder, wanted.authority))
    with pytest.raises(ValueError, match=r".*"):
        certificate(folder, "admin").verify_directly_issued_by(certificate(folder, "etcd-ca"))


def test_certificates_are_kept_and_made_anew_for_other_addresses(tmp_path: Path) -> None:
    folder = tmp_path / "pki"
    certificates.make(folder, WORKERS, Addresses(19090))
    first = {file.name: file.read_bytes() for file in folder.glob("*")}
    certificates.make(folder, WORKERS, Addresses(19090))
    assert {file.name: file.read_bytes() for file in folder.glob("*")} == first
    certificates.make(folder, WORKERS, Addresses(19110))
    assert (folder / "kubelet-serving.crt").read_bytes() != first["kubelet-serving.crt"]
    assert (folder / "ca.crt").read_bytes() == first["ca.crt"]  # what was signed before is still believed
    assert (folder / "sa.key").read_bytes() == first["sa.key"]


def test_a_kubeconfig_is_its_owners(tmp_path: Path) -> None:
    certificates.make(tmp_path / "pki", WORKERS, Addresses(19090))
    certificates.kubeconfig(tmp_path / "config", tmp_path / "pki", "admin", "https://127.0.0.1:1")
    assert stat.S_IMODE((tmp_path / "config").stat().st_mode) == 0o600


def test_the_program_is_known_by_its_sources(tmp_path: Path) -> None:
    assert build._place(settings(tmp_path)).parent.name.startswith("v1.37.2-")
    assert build.find(settings(tmp_path)) is None
    with pytest.raises(WorkshopError, match="is not built"):
        ControlPlane(settings(tmp_path), Ports(19090)).component()


def test_a_prebuilt_program_needs_its_hash(tmp_path: Path) -> None:
    with pytest.raises(WorkshopError, match="WORKSHOP_CONTROLPLANE is"):
        settings(tmp_path, WORKSHOP_CONTROLPLANE="/some/file")
    wrong = tmp_path / "program"
    wrong.write_text("#!/bin/sh\n")
    with pytest.raises(WorkshopError, match="does not match the hash in WORKSHOP_CONTROLPLANE"):
        build.build(settings(tmp_path, WORKSHOP_CONTROLPLANE=f"{wrong}#sha256={'0' * 64}"))
    assert progress.read(settings(tmp_path))["state"] == "failed"
    with pytest.raises(WorkshopError, match="cannot be read"):
        build.build(settings(tmp_path, WORKSHOP_CONTROLPLANE=f"{tmp_path}/gone#sha256={'0' * 64}"))


def test_a_prebuilt_program_is_taken(tmp_path: Path) -> None:
    import hashlib

    file = tmp_path / "program"
    file.write_text("#!/bin/sh\n")
    told = settings(tmp_path, WORKSHOP_CONTROLPLANE=f"{file}#sha256={hashlib.sha256(file.read_bytes()).hexdigest()}")
    found = build.build(told)
    assert found == build.find(told)
    assert found.read_text() == "#!/bin/sh\n"
    assert progress.read(told)["state"] == "built"


def test_without_go_and_without_network_a_sentence_says_what_to_do(tmp_path: Path, monkeypatch) -> None:
    def none(*_: object) -> None:
        raise WorkshopError("There is no Go.", "Install it.")

    monkeypatch.setattr(build.go, "provide", none)
    with pytest.raises(WorkshopError, match="there is no Go, and none could be fetched") as caught:
        build.build(settings(tmp_path))
    assert "Kafka's lessons need none" in caught.value.next_step


@pytest.mark.parametrize(
    ("log", "advice"),
    [
        ("write: no space left on device", "The disk is full"),
        ("link: signal: killed", "not enough memory"),
        ("dial tcp: lookup proxy.golang.org: no such host", "Go modules are not reached"),
        ("main.go:3: undefined", "tries again"),
    ],
)
def test_why_it_was_not_compiled(log: str, advice: str) -> None:
    assert advice in diagnose(log, build.NOT_COMPILED).advice
