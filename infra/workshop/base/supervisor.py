"""Supervisor of one program: it starts the program again when it dies, and ends what it left behind first.

python supervisor.py PROGRAM [WORD ...], by a Python without site-packages (-I -S), so that it takes little memory.

A program that never runs for ten seconds is tried three times; then the supervisor ends too, so that its caller notices. The
supervisor is the "subreaper" of everything below it (Linux, prctl(2)): a process whose parent dies becomes its child, so that
none is lost when the program is killed. If the supervisor itself is killed, the kernel signals the program (PDEATHSIG).
"""

import ctypes
import os
import signal
import sys
import time

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
SHORT = 10.0  # seconds: a program that ended sooner waits a little longer before it is started again
TRIES = 3  # of a program that has never lived for so long: what cannot start is to be told, not tried for ever
FIRST_PAUSE, LONGEST = 0.2, 5.0  # seconds before the next start
GRACE = 20.0

libc = ctypes.CDLL(None)


def start(argv: list[str]) -> int:
    """Start the program; returns its number."""
    child = os.fork()
    if child == 0:
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        try:
            os.execvp(argv[0], argv)  # noqa: S606 (the words come from workshop.base.processes)
        except OSError as error:
            print(f"supervisor: {argv[0]} cannot be started: {error}", flush=True)
            os._exit(127)
    return child


def reap() -> list[int]:
    """The numbers of children that have ended since."""
    ended: list[int] = []
    while True:
        try:
            child, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return ended
        if child == 0:
            return ended
        ended.append(child)


def children() -> list[int]:
    """All of the supervisor's present children."""
    with open(f"/proc/self/task/{os.getpid()}/children") as file:
        return [int(word) for word in file.read().split()]


def end_the_rest() -> None:
    """Kill everything that the program left; what they left becomes a child in turn."""
    while rest := children():
        for child in rest:
            try:
                os.kill(child, signal.SIGKILL)
            except ProcessLookupError:
                continue
        reap()
        time.sleep(0.01)


def wait(child: int, signals: set[int]) -> int:
    """Wait until the program ends (0) or a signal comes (its number)."""
    while True:
        got = signal.sigwait(signals)
        if got == signal.SIGCHLD:
            if child in reap():
                return 0
        else:
            return got


def stop(child: int) -> None:
    """Tell the program to leave, and end it if it does not."""
    os.kill(child, signal.SIGTERM)
    until = time.monotonic() + GRACE
    while time.monotonic() < until:
        if child in reap():
            break
        time.sleep(0.02)
    end_the_rest()


def main(argv: list[str]) -> None:
    """Keep the program running until SIGTERM or SIGINT."""
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    signals: set[int] = {signal.SIGCHLD, signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    name, pause, tries = os.path.basename(argv[0]), FIRST_PAUSE, 0
    while True:
        began, child = time.monotonic(), start(argv)
        if wait(child, signals):
            stop(child)
            return
        end_the_rest()
        lived = time.monotonic() - began >= SHORT
        tries = -1 if lived or tries < 0 else tries + 1  # below 0: it has proved that it can live
        if tries == TRIES:
            sys.exit(f"supervisor: {name} ended {TRIES} times right after its start; it is not started again")
        print(f"supervisor: {name} ended; it is started again", flush=True)
        time.sleep(pause)
        pause = FIRST_PAUSE if lived else min(LONGEST, pause * 2)


if __name__ == "__main__":
    main(sys.argv[1:])
