"""Command line and environment of the registry's process."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from workshop.base.environment import only
from workshop.stack.registry.archive import MAIN, class_path
from workshop.stack.toolchain.java import Java

MEMORY = ("-Xmx160m",)  # the last flag counts
JOURNAL = "kafkasql-journal"
OPENED = ("--add-opens=java.base/java.lang=ALL-UNNAMED",)  # as in the manifest of Quarkus' launcher
LOG_MANAGER = "-Djava.util.logging.manager=org.jboss.logmanager.LogManager"
IN_MEMORY = {"APICURIO_STORAGE_KIND": "sql"}  # H2, without a file: for the recording of a start
SMALL = {
    "APICURIO_DATASOURCE_JDBC_INITIAL_SIZE": "1",
    "APICURIO_DATASOURCE_JDBC_MIN_SIZE": "1",
    "APICURIO_DATASOURCE_JDBC_MAX_SIZE": "5",
    "QUARKUS_THREAD_POOL_MAX_THREADS": "8",
    "QUARKUS_HTTP_IO_THREADS": "2",
    "QUARKUS_HTTP_ACCESS_LOG_ENABLED": "false",
}


def in_kafka(bootstrap: Sequence[str]) -> dict[str, str]:
    """Return the variables with which the registry stores its data in a topic. Pure."""
    return {
        "APICURIO_STORAGE_KIND": "kafkasql",
        "APICURIO_KAFKASQL_BOOTSTRAP_SERVERS": ",".join(bootstrap),
        "APICURIO_KAFKASQL_TOPIC": JOURNAL,
    }


def environment(port: int, health: int, scratch: Path, storage: Mapping[str, str]) -> dict[str, str]:
    """Return the environment, without the user's Java and Quarkus variables, which could change the start.

    Args:
        port, health: the ports of the interface and of the health checks.
    """
    return {
        **only("PATH", "TZ"),
        "LC_ALL": "C.UTF-8",
        "MALLOC_ARENA_MAX": "2",
        "HOME": str(scratch),
        "TMPDIR": str(scratch),
        "QUARKUS_HTTP_HOST": "127.0.0.1",
        "QUARKUS_HTTP_PORT": str(port),
        "QUARKUS_MANAGEMENT_HOST": "127.0.0.1",  # the default is port 9000 of every address
        "QUARKUS_MANAGEMENT_PORT": str(health),
        "APICURIO_STORAGE_SNAPSHOT_LOCATION": str(scratch),
        "APICURIO_IMPORT_WORK_DIR": str(scratch),
        "APICURIO_REST_DELETION_GROUP_ENABLED": "true",
        "APICURIO_REST_DELETION_ARTIFACT_ENABLED": "true",
        "APICURIO_REST_DELETION_ARTIFACT_VERSION_ENABLED": "true",
        **SMALL,
        **storage,
    }


def command(java: Java, app: Path, scratch: Path, *flags: str) -> tuple[str, ...]:
    """Return the argument list that runs the registry.

    Args:
        app: the folder of the unpacked archive.
        scratch: the folder for temporary files.
        flags: more flags for Java.
    """
    jars = os.pathsep.join(map(str, class_path(app)))
    system = (f"-Djava.io.tmpdir={scratch}", LOG_MANAGER)
    return (str(java.path), *java.flags, *MEMORY, *OPENED, *flags, *system, "-cp", jars, MAIN)
