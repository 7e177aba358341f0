"""An external Kafka for the tests of the backend `existing`: three brokers with TLS, authentication and ACLs."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from kafka import KafkaAdminClient
from kafka.admin import ScramMechanism, UserScramCredentialUpsertion
from workshop.base.files import write_atomically
from workshop.base.ports import free_block
from workshop.base.processes import Component, Processes
from workshop.base.settings import NODES, Ports, Settings
from workshop.base.waiting import wait_until
from workshop.kafka import access
from workshop.kafka.properties import server_properties
from workshop.kafka.repairs import client
from workshop.stack.brokers import runtime
from workshop.stack.brokers.jars import pinned
from workshop.stack.brokers.tools import CLASSES
from workshop.stack.kubernetes.controlplane import certificates
from workshop.stack.toolchain import java

SCRIPT = Path(__file__).parents[2] / "infra/deploy/existing/acls.sh"
SERVER = "kafka"
USERS = {
    "alice": 'pass word: "o\'ne"\\',
    "bob": "two",
}  # the first password contains characters with a meaning in properties files and JAAS
# Clients use one of two SASL_SSL listeners; brokers, and the administrator of these tests, use the PLAINTEXT listener.
LISTENERS = "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,CLIENTS:SASL_SSL,OTHERS:SASL_SSL"
SCRAM = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
PLAIN = "org.apache.kafka.common.security.plain.PlainLoginModule required " + " ".join(
    f"user_{user}={access.quoted(password)}" for user, password in USERS.items()
)
GUARDED = {
    "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    "super.users": "User:ANONYMOUS",
    "allow.everyone.if.no.acl.found": "false",
    "listener.name.clients.sasl.enabled.mechanisms": "SCRAM-SHA-512",
    "listener.name.clients.scram-sha-512.sasl.jaas.config": SCRAM,
    "listener.name.others.sasl.enabled.mechanisms": "SCRAM-SHA-256,PLAIN",
    "listener.name.others.scram-sha-256.sasl.jaas.config": SCRAM,
    "listener.name.others.plain.sasl.jaas.config": f"{PLAIN};",
    "ssl.keystore.type": "PEM",
    "group.share.enable": "true",
}


@dataclass(frozen=True)
class OthersKafka:
    """Folder and ports of the external Kafka, and the settings of its clients."""

    settings: Settings
    ports: Ports

    @property
    def folder(self) -> Path:
        return self.settings.state

    @property
    def inner(self) -> dict:
        """Return the client settings of the administrator."""
        return {"bootstrap_servers": self.ports.bootstrap}

    @property
    def bootstrap(self) -> list[str]:
        """Return the addresses for participants."""
        return [f"127.0.0.1:{self.clients(node)}" for node in NODES]

    def clients(self, node: int) -> int:
        """Return the port for clients, one of the block that a stack would use for other components."""
        return (self.ports.payments, self.ports.api, self.ports.kubelet)[node - 1]

    def others(self, node: int) -> int:
        """Return the port for clients with another mechanism than SCRAM-SHA-512."""
        return (self.ports.postgres, self.ports.connect, self.ports.etcd)[node - 1]

    def told_otherwise(self, user: str, mechanism: str) -> dict[str, str]:
        """Return the variables as `told`, for a participant with another mechanism."""
        servers = ",".join(f"127.0.0.1:{self.others(node)}" for node in NODES)
        return self.told(user, WORKSHOP_BOOTSTRAP=servers, WORKSHOP_KAFKA_MECHANISM=mechanism)

    @property
    def ca(self) -> Path:
        return self.folder / "tls" / "ca.crt"

    def password_file(self, user: str) -> Path:
        return self.folder / f"{user}.password"

    def told(self, user: str, **more: str) -> dict[str, str]:
        """Return the variables for a participant, whose prefix is the user name with a dash."""
        return {
            "WORKSHOP_BACKEND": "existing",
            "WORKSHOP_BOOTSTRAP": ",".join(self.bootstrap),
            "WORKSHOP_KAFKA_SECURITY": "SASL_SSL",
            "WORKSHOP_KAFKA_MECHANISM": "SCRAM-SHA-512",
            "WORKSHOP_KAFKA_USER": user,
            "WORKSHOP_KAFKA_PASSWORD_FILE": str(self.password_file(user)),
            "WORKSHOP_KAFKA_CA": str(self.ca),
            "WORKSHOP_PREFIX": f"{user}-",
            **more,
        }


def given(state: Path) -> Iterator[OthersKafka]:
    """Yield an external Kafka; stop it at the end.

    Its users have their rights from the administrator's script.
    """
    client.apply()  # without the repair, the administrator's clients leave sockets open
    settings = replace(Settings.load(), state=state, patience=240.0, site=None)
    site = OthersKafka(settings, free_block(settings))
    try:
        start(site)
        for user in USERS:
            acls(site, user, f"{user}-")
        yield site
    finally:
        stop(site)


def acls(site: OthersKafka, *words: str) -> None:
    """Run the script for administrators on their listener."""
    env = {**os.environ, "KAFKA_ACLS": str(tool(site, site.folder / "tools", "kafka-acls"))}
    command = [str(SCRIPT), *words, "--bootstrap-server", site.ports.bootstrap[0]]
    subprocess.run(command, env=env, capture_output=True, text=True, timeout=240, check=True)


def start(site: OthersKafka) -> None:
    """Start three brokers with the users of this module, who have no rights yet."""
    settings = site.settings
    certificates.make_these(
        site.folder / "tls",
        {
            SERVER: certificates.Certificate(
                certificates.CLUSTER,
                "kafka",
                (),
                ("127.0.0.1", "localhost"),
                (certificates.SERVER, certificates.CLIENT),
            )
        },
    )
    tls = site.folder / "tls"
    write_atomically(tls / "kafka.pem", (tls / "kafka.key").read_text() + (tls / "kafka.crt").read_text(), mode=0o600)
    prepared, cluster_id = _runtime(settings), runtime.random_id()
    for node in NODES:
        _start(site, node, prepared, cluster_id)
    wait_until(lambda: _registered(site) == set(NODES), 240, "somebody else's brokers to be registered")
    _make_users(site)


def stop(site: OthersKafka) -> None:
    """Stop the brokers."""
    Processes(site.folder).stop([f"others-{node}" for node in NODES], at_once=True)


def tool(site: OthersKafka, folder: Path, name: str) -> Path:
    """Return one of Kafka's tools as a program without preset addresses."""
    (folder / "tmp").mkdir(parents=True, exist_ok=True)
    command = _runtime(site.settings).command(CLASSES[name], scratch=folder / "tmp")
    script = folder / name
    write_atomically(script, f'#!/bin/sh\nexec {shlex.join(command)} "$@"\n', mode=0o755)
    return script


def _runtime(settings: Settings) -> runtime.Runtime:
    libs = tuple(runtime.folder(settings) / "libs" / jar.name for jar in pinned(settings))
    prepared = runtime.prepare(settings, java.find(settings), libs)
    return replace(prepared, log_settings=settings.root / "infra/deploy/kafka/tools-log4j2.properties")


def _start(site: OthersKafka, node: int, prepared: runtime.Runtime, cluster_id: str) -> None:
    home = site.folder / f"node-{node}"
    (home / "tmp").mkdir(parents=True, exist_ok=True)
    common = (site.settings.root / "infra/deploy/kafka/broker.properties").read_text()
    ports = site.ports
    own = GUARDED | {
        "node.id": node,
        "controller.quorum.voters": ",".join(f"{n}@127.0.0.1:{ports.controller(n)}" for n in NODES),
        "listeners": (
            f"PLAINTEXT://127.0.0.1:{ports.broker(node)},CONTROLLER://127.0.0.1:{ports.controller(node)},"
            f"{_doors(site, node)}"
        ),
        "advertised.listeners": f"PLAINTEXT://127.0.0.1:{ports.broker(node)},{_doors(site, node)}",
        "listener.security.protocol.map": LISTENERS,
        "ssl.keystore.location": str(site.folder / "tls" / "kafka.pem"),
        "log.dirs": str(home / "data"),
        "broker.rack": f"zone-{node}",
    }
    write_atomically(home / "server.properties", server_properties(common, own))
    runtime.format_folder(home / "data", prepared, cluster_id, node)
    argv = prepared.command(runtime.BROKER_CLASS, str(home / "server.properties"), scratch=home / "tmp")
    Processes(site.folder).start(
        Component(f"others-{node}", argv, runtime.environment(home / "tmp"), cwd=home, grace=5.0)
    )


def _doors(site: OthersKafka, node: int) -> str:
    return f"CLIENTS://127.0.0.1:{site.clients(node)},OTHERS://127.0.0.1:{site.others(node)}"


def _registered(site: OthersKafka) -> set[int]:
    from workshop.kafka.probe import registered_brokers

    return registered_brokers(site.inner)


def _make_users(site: OthersKafka) -> None:
    for user, password in USERS.items():
        write_atomically(site.password_file(user), password + "\n", mode=0o600)
    with closing(KafkaAdminClient(**site.inner)) as admin:
        for mechanism in (ScramMechanism.SCRAM_SHA_512, ScramMechanism.SCRAM_SHA_256):
            admin.alter_user_scram_credentials(
                [UserScramCredentialUpsertion(user, mechanism, password) for user, password in USERS.items()]
            )


def workshop(state: Path, told: Mapping[str, str], *words: str, timeout: float = 400) -> subprocess.CompletedProcess:
    """Run the command `workshop` as a participant with these variables."""
    return run(state, told, "-m", "workshop.cli.main", *words, timeout=timeout)


def run(state: Path, told: Mapping[str, str], *words: str, timeout: float = 400) -> subprocess.CompletedProcess:
    """Run Python as a participant with these variables.

    It is a new process, because a prefix applies to a whole process.
    """
    clean = {name: value for name, value in os.environ.items() if not name.startswith("WORKSHOP_")}
    kept = {name: os.environ[name] for name in ("WORKSHOP_CACHE", "WORKSHOP_JAVA") if name in os.environ}
    env = {**clean, **kept, "WORKSHOP_STATE": str(state), **told}
    command = [sys.executable, *words]
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=timeout, check=False)


def endpoints(state: Path) -> dict:
    return json.loads((state / "existing" / "endpoints.json").read_text())
