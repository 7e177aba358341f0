"""Connection settings of an existing Kafka and Kubernetes cluster; of a password, only its file."""

from __future__ import annotations

import json
import os
import stat
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from workshop.base.errors import WorkshopError
from workshop.base.files import read_record, write_atomically

SECURITY = ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")
MECHANISMS = ("SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN")
IMAGE = "workshop/services:1"
FILE = "site.json"


@dataclass(frozen=True)
class Site:
    """An existing Kafka, and optionally a namespace in an existing Kubernetes cluster.

    Attributes:
        bootstrap: broker addresses for the first connection, as host:port.
        inside: the same for pods of the cluster.
        security: one of `SECURITY`.
        mechanism: one of `MECHANISMS`; used with SASL only.
        user: the participant's user name in Kafka.
        password_file: the path of a file that contains that user's password and nothing else.
        ca: the path of the brokers' certificate authority, as PEM; empty for the authorities of the system.
        prefix: the prefix of the names of topics, groups and transactions.
        kubeconfig: the path of the kubeconfig; empty without Kubernetes.
        namespace: the participant's namespace.
        image: the name under which the cluster pulls the services' image.
        payments_url: the site's address of `payments`; empty for a port of this machine (`kubectl port-forward`).
    """

    bootstrap: tuple[str, ...] = ()
    inside: tuple[str, ...] = ()
    security: str = "PLAINTEXT"
    mechanism: str = MECHANISMS[0]
    user: str = ""
    password_file: str = ""
    ca: str = ""
    prefix: str = ""
    kubeconfig: str = ""
    namespace: str = ""
    image: str = IMAGE
    payments_url: str = ""

    @property
    def has_kubernetes(self) -> bool:
        """Whether the participant has a namespace in a Kubernetes cluster, not Kafka alone."""
        return bool(self.kubeconfig)

    @property
    def encrypted(self) -> bool:
        """Whether connections to Kafka use TLS."""
        return self.security.endswith("SSL")

    @property
    def authenticated(self) -> bool:
        """Whether Kafka requires a user and a password."""
        return self.security.startswith("SASL")

    def kafka(self) -> dict:
        """Return the client settings for `endpoints.json`; `workshop.kafka.access` reads them."""
        found: dict[str, object] = {"bootstrap_servers": list(self.bootstrap), "prefix": self.prefix}
        if self.security != "PLAINTEXT":
            found["security_protocol"] = self.security
        if self.encrypted and self.ca:
            found["ssl_cafile"] = self.ca
        if self.authenticated:
            found |= {
                "sasl_mechanism": self.mechanism,
                "sasl_plain_username": self.user,
                "password_file": self.password_file,
            }
        return found

    def check(self) -> None:
        """Check that no setting is missing, that files exist, and that other users cannot read the password.

        Raises:
            WorkshopError: a variable is missing or has an invalid value; the message describes a valid value.
        """
        if not self.bootstrap:
            raise _missing("WORKSHOP_BOOTSTRAP is not set: the brokers' addresses, such as kafka.example.org:9093")
        if not self.prefix:
            raise _missing("WORKSHOP_PREFIX is not set: what your topics' names begin with, such as alice-")
        if self.authenticated and not self.user:
            raise _missing(
                f"WORKSHOP_KAFKA_USER is not set: your name for Kafka, as WORKSHOP_KAFKA_SECURITY is {self.security}"
            )
        if self.authenticated and not self.password_file:
            raise _missing(
                "WORKSHOP_KAFKA_PASSWORD_FILE is not set: a file that holds your password for Kafka and nothing else"
            )
        if bool(self.kubeconfig) != bool(self.namespace):
            lacking = "NAMESPACE" if self.kubeconfig else "KUBECONFIG"
            raise _missing(
                f"WORKSHOP_{lacking} is not set: it goes together with the other one of WORKSHOP_KUBECONFIG and "
                "WORKSHOP_NAMESPACE"
            )
        if self.authenticated:
            _closed_file(Path(self.password_file))
        if self.encrypted and self.ca:
            _certificates(Path(self.ca))
        if self.kubeconfig and not Path(self.kubeconfig).is_file():
            raise WorkshopError(
                f"WORKSHOP_KUBECONFIG names {self.kubeconfig}, which is no file.", "Name the one that you were given."
            )

    def write(self, state: Path) -> None:
        """Store the settings, so that `up`, `status` and `reset` work from any terminal."""
        write_atomically(state / FILE, json.dumps(asdict(self), indent=1), mode=0o600)


def kept(state: Path) -> Site | None:
    """Return the settings that are stored in this state folder, or None."""
    held = read_record(state / FILE)
    if not held:
        return None
    fields: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in held.items()}
    try:
        return Site(**fields)
    except TypeError:
        return None


def _missing(fact: str) -> WorkshopError:
    return WorkshopError(f"{fact}.", "docs/existing-cluster.md lists the variables of the backend existing.")


def _closed_file(path: Path) -> None:
    try:
        about = path.stat()
        content = path.read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError):
        raise WorkshopError(
            f"WORKSHOP_KAFKA_PASSWORD_FILE names {path}, which cannot be read.",
            "Write your password for Kafka into that file, and nothing else.",
        ) from None
    if stat.S_IMODE(about.st_mode) & 0o077 or about.st_uid not in (os.geteuid(), 0):
        raise WorkshopError(f"Other users of this machine can read {path}.", f"chmod 600 {path}")
    if not content or "\n" in content:
        raise WorkshopError(
            f"{path} holds {'nothing' if not content else 'more than one line'}.",
            "It takes your password for Kafka in one line, and nothing else.",
        )


def _certificates(path: Path) -> None:
    try:
        good = "-----BEGIN CERTIFICATE-----" in path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        good = False
    if not good:
        raise WorkshopError(
            f"WORKSHOP_KAFKA_CA names {path}, which holds no certificate.",
            "It takes a file with -----BEGIN CERTIFICATE-----: the authority that vouches for the brokers.",
        )
