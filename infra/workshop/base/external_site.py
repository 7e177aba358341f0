"""Connection settings of an existing Kafka and Kubernetes cluster; of a password, only its file."""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from workshop.base.errors import WorkshopError
from workshop.base.files import read_record, write_atomically

SECURITY = ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")
MECHANISMS = ("SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN")
IMAGE = "workshop/services:1"
ADDRESS = re.compile(r"(\[[0-9a-fA-F:]+\]|[A-Za-z0-9._-]+):([0-9]{1,5})")
NAMESPACE = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
IMAGE_NAME = re.compile(r"[a-z0-9][a-zA-Z0-9._:/-]*(@sha256:[0-9a-f]{64})?")
PREFIX = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,38}[a-z0-9])?[.-]")
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
            raise _missing("WORKSHOP_BOOTSTRAP", "the brokers' addresses, such as kafka.example.org:9093")
        if not self.prefix:
            raise _missing("WORKSHOP_PREFIX", "what your topics' names begin with, such as alice-")
        if self.authenticated and not self.user:
            raise _missing("WORKSHOP_KAFKA_USER", f"your name for Kafka, as WORKSHOP_KAFKA_SECURITY is {self.security}")
        if self.authenticated and not self.password_file:
            raise _missing("WORKSHOP_KAFKA_PASSWORD_FILE", "a file that holds your password for Kafka and nothing else")
        if bool(self.kubeconfig) != bool(self.namespace):
            name = "WORKSHOP_NAMESPACE" if self.kubeconfig else "WORKSHOP_KUBECONFIG"
            raise _missing(name, "it goes together with the other one of WORKSHOP_KUBECONFIG and WORKSHOP_NAMESPACE")
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


def read(env: Mapping[str, str], root: Path) -> Site | None:
    """Return the settings from the environment, or None if it names no brokers.

    Args:
        root: the folder to which paths are relative.

    Raises:
        WorkshopError: a value is invalid; the message names the variable.
    """
    if not env.get("WORKSHOP_BOOTSTRAP"):
        return None
    bootstrap = _addresses(env, "WORKSHOP_BOOTSTRAP")
    return Site(
        bootstrap=bootstrap,
        inside=_addresses(env, "WORKSHOP_KAFKA_INSIDE") or bootstrap,
        security=_one_of(env, "WORKSHOP_KAFKA_SECURITY", SECURITY),
        mechanism=_one_of(env, "WORKSHOP_KAFKA_MECHANISM", MECHANISMS),
        user=_matching(env, "WORKSHOP_KAFKA_USER", re.compile(r"[!-~]{1,200}"), "one word"),
        password_file=_file(env, "WORKSHOP_KAFKA_PASSWORD_FILE", root),
        ca=_file(env, "WORKSHOP_KAFKA_CA", root),
        prefix=_matching(
            env,
            "WORKSHOP_PREFIX",
            PREFIX,
            "at most 40 small letters, digits, dots and dashes, then '-' or '.': alice-",
        ),
        kubeconfig=_file(env, "WORKSHOP_KUBECONFIG", root),
        namespace=_matching(
            env, "WORKSHOP_NAMESPACE", NAMESPACE, "a namespace's name: small letters, digits and dashes"
        ),
        image=_matching(env, "WORKSHOP_SERVICES_IMAGE", IMAGE_NAME, "an image's name: registry.example.org/services:1")
        or IMAGE,
        payments_url=_url(env, "WORKSHOP_PAYMENTS_URL"),
    )


def _missing(name: str, what: str) -> WorkshopError:
    return WorkshopError(
        f"{name} is not set: {what}.", "docs/existing-cluster.md lists the variables of the backend existing."
    )


def _addresses(env: Mapping[str, str], name: str) -> tuple[str, ...]:
    text = env.get(name, "")
    found = tuple(part.strip() for part in text.split(",") if part.strip())
    good = [match for part in found if (match := ADDRESS.fullmatch(part)) and 0 < int(match[2]) < 65536]
    if len(good) != len(found) or (text and not found):
        raise WorkshopError(f"{name} is '{text}'.", "It takes addresses such as kafka-1.example.org:9093, with commas.")
    return found


def _one_of(env: Mapping[str, str], name: str, allowed: tuple[str, ...]) -> str:
    value = env.get(name) or allowed[0]
    if value not in allowed:
        raise WorkshopError(f"{name} is '{value}', which is not known.", f"It takes one of: {', '.join(allowed)}.")
    return value


def _matching(env: Mapping[str, str], name: str, pattern: re.Pattern, meant: str) -> str:
    value = env.get(name, "")
    if value and not pattern.fullmatch(value):
        raise WorkshopError(f"{name} is '{value}'.", f"It takes {meant}.")
    return value


def _file(env: Mapping[str, str], name: str, root: Path) -> str:
    if not env.get(name):
        return ""
    try:
        return str((root / Path(env[name]).expanduser()).absolute())
    except RuntimeError:
        raise WorkshopError(
            f"{name} names {env[name]}, in a home folder that does not exist.", "Write it in full."
        ) from None


def _url(env: Mapping[str, str], name: str) -> str:
    value = env.get(name, "").rstrip("/")
    if value and not re.fullmatch(r"https?://[A-Za-z0-9.\[\]:-]+(/[!-~]*)?", value):
        raise WorkshopError(f"{name} is '{value}'.", "It takes an address such as http://payments.example.org.")
    return value


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
