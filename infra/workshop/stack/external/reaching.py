"""Check whether an existing Kafka is reachable, with one message for each cause of failure."""

from __future__ import annotations

import logging
import socket
import ssl
import time
from collections.abc import Mapping
from contextlib import closing

from confluent_kafka import Consumer, KafkaException
from confluent_kafka import KafkaError as CoreKafkaError
from kafka.errors import KafkaError

from workshop.base.diagnosis import Diagnosis, diagnose
from workshop.base.errors import WorkshopError
from workshop.base.external_site import Site
from workshop.kafka import access, probe
from workshop.kafka import admin as kafka_admin

PATIENCE = 10.0  # seconds
QUIET = logging.getLogger(__name__)
QUIET.addHandler(logging.NullHandler())
QUIET.propagate = False


def must_answer(site: Site, kafka: Mapping) -> int:
    """Check that a broker answers this user; return the number of brokers.

    Raises:
        WorkshopError: no broker answers, or Kafka refuses the user; the message has the reason.
    """
    troubles = [trouble for address in site.bootstrap if (trouble := _trouble(address, site, kafka))]
    if len(troubles) == len(site.bootstrap):
        raise troubles[0]
    try:
        with closing(kafka_admin.admin(kafka, bootstrap_timeout_ms=int(PATIENCE * 1000))) as admin:
            return len(admin.describe_cluster()["brokers"])
    except (KafkaError, OSError) as error:
        raise _refused(site, kafka, error) from None


def _trouble(address: str, site: Site, kafka: Mapping) -> WorkshopError | None:
    """Return the reason why this broker does not answer; None if it does."""
    host = address.rsplit(":", 1)[0]
    try:
        with probe.connection(address, kafka, PATIENCE) as opened:
            if probe.answers_on(opened):
                return None
        said = "closed the connection"
    except socket.gaierror:
        return WorkshopError(
            f"The host name {host} cannot be resolved.", "Is WORKSHOP_BOOTSTRAP right? Is a VPN needed to reach it?"
        )
    except ssl.SSLCertVerificationError as error:
        return WorkshopError(
            f"The certificate of {address} is not trusted: {error.verify_message}.",
            "WORKSHOP_KAFKA_CA must contain the authority of the brokers' certificates; ask for it again."
            if site.ca
            else "Set WORKSHOP_KAFKA_CA to the authority of the brokers' certificates.",
        )
    except ssl.SSLError:
        said = "does not speak TLS"
    except TimeoutError:
        said = "does not answer"
    except OSError as error:
        return WorkshopError(
            f"Nothing answers at {address}: {error.strerror or error}.",
            "Is WORKSHOP_BOOTSTRAP right, and is Kafka running? Ask its administrator.",
        )
    return WorkshopError(
        f"Something listens at {address}, but it {said} (WORKSHOP_KAFKA_SECURITY is {site.security}).",
        "Check WORKSHOP_KAFKA_SECURITY and the port.",
    )


# Texts of a broker that refuses a user.
REFUSED = (
    Diagnosis(
        "unsupported.*mechanism|mechanism.*unsupported",
        "Kafka does not support the mechanism {mechanism}: {said}.",
        "Ask for WORKSHOP_KAFKA_MECHANISM.",
    ),
    Diagnosis(
        "",
        "Kafka refuses the user {user}: {said}.",
        "Check the password in {password_file} and WORKSHOP_KAFKA_USER.",
    ),
)


def _refused(site: Site, kafka: Mapping, error: Exception) -> WorkshopError:
    """Return the error for brokers that answer but refuse this client.

    librdkafka reports the reason, while kafka-python waits without reporting it.
    """
    if said := _said(kafka) if site.authenticated else "":
        found = diagnose(
            said, REFUSED, said=said, mechanism=site.mechanism, user=site.user, password_file=site.password_file
        )
        return WorkshopError(found.fact, found.next_step)
    if not site.authenticated:
        return WorkshopError(
            f"Kafka answers, but refuses clients without credentials: {error}.",
            f"WORKSHOP_KAFKA_SECURITY is {site.security}; does this Kafka require authentication (SASL_{site.security})?",
        )
    return WorkshopError(
        f"Kafka answers, but the brokers of the cluster could not be listed: {error}.",
        "Check that this machine can reach the brokers' advertised.listeners.",
    )


def _said(kafka: Mapping) -> str:
    """Return the error that a broker sends to a user that it refuses."""
    heard: list[str] = []

    def hear(error: CoreKafkaError) -> None:
        if error.name() in ("_AUTHENTICATION", "_UNSUPPORTED_FEATURE", "_SSL"):
            heard.append(error.str())

    settings = {**access.for_confluent(kafka), "group.id": "unused"}
    client = Consumer({**settings, "error_cb": hear, "logger": QUIET, "log_level": 0})
    try:
        until = time.monotonic() + PATIENCE
        while not heard and time.monotonic() < until:
            client.poll(0.1)
    except (KafkaException, RuntimeError) as error:
        heard.append(str(error))
    finally:
        client.close()
    text = heard[0] if heard else ""
    return text.split(": ", 1)[-1].split(" (after")[0].rstrip(".")
