#!/usr/bin/env python3
"""runc for a machine that lacks a capability: takes out of a container's wishes what the machine cannot give.

An engine asks for every capability the kernel knows when a container is privileged, as kind's nodes are. Where the
machine itself was started without one (often CAP_SYS_RESOURCE), runc then ends with "unable to apply caps". Set up by
`dockerd --add-runtime bounded=THIS_FILE --default-runtime bounded`, as `engine.sh` does; it needs only Python 3.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

NAMES = """
    CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE
    NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN
    SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE
    MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE
"""
CAPABILITIES = NAMES.split()  # in the kernel's order, which is that of the bits in CapBnd


def main() -> None:
    """Edit what runc is going to read, then become runc."""
    words = sys.argv[1:]
    lacking = lacking_in(Path("/proc/self/status").read_text())
    if {"create", "run"} & set(words):
        edit(Path(option(words, "--bundle", "-b") or ".") / "config.json", lacking)
    elif "exec" in words and (process := option(words, "--process", "-p")):
        edit(Path(process), lacking)
    os.execvp("runc", ["runc", *words])  # noqa: S606 - it takes this process's place


def lacking_in(status: str) -> set[str]:
    """The capabilities that this machine cannot give, by the text of /proc/self/status."""
    bounds = next(int(line.split()[1], 16) for line in status.splitlines() if line.startswith("CapBnd:"))
    return {f"CAP_{name}" for bit, name in enumerate(CAPABILITIES) if not bounds >> bit & 1}


def option(words: list[str], *names: str) -> str | None:
    """The value of an option among the words of a command line, written with a space or with `=`."""
    for word, following in zip(words, [*words[1:], ""], strict=True):
        name, equals, value = word.partition("=")
        if name in names:
            return value if equals else following
    return None


def edit(file: Path, lacking: set[str]) -> None:
    """Take capabilities out of a container's specification, or of a process's alone."""
    specification = json.loads(file.read_text())
    process = specification.get("process", specification)
    wishes = process.get("capabilities") or {}
    for kind, names in wishes.items():
        wishes[kind] = [name for name in names or [] if name not in lacking]
    file.write_text(json.dumps(specification))


if __name__ == "__main__":
    main()
