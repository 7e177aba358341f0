"""Supervisor of one program: it kills the leftover processes of a program that died, and restarts it.

Usage: python -I -S supervisor.py PROGRAM [ARGUMENT ...]. Python without site-packages needs little memory.

A program that never runs for ten seconds is started three times; then the supervisor ends too, so that its caller notices.
The supervisor is the "subreaper" of its descendants (Linux, prctl(2)): a process whose parent dies becomes its child, so that
none is lost when the program is killed. If the supervisor itself is killed, the kernel kills the program (PDEATHSIG).
"""

import ctypes
import os
import signal
import sys
import time

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
SHORT = 10.0  # seconds: after a shorter run, the pause before the next start doubles
TRIES = 3  # starts of a program that has never run for `SHORT`: a permanent failure is reported, not retried forever
FIRST_PAUSE, LONGEST = 0.2, 5.0  # seconds before the next start
GRACE = 20.0

libc = ctypes.CDLL(None)


def start(argv: list[str]) -> int:
    """Start the program and return its pid."""
    child = os.fork()
    if child == 0:
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        try:
            os.execvp(argv[0], argv)  # noqa: S606 (the arguments come from workshop.base.processes)
        except OSError as error:
            print(f"supervisor: {argv[0]} cannot be started: {error}", flush=True)
            os._exit(127)
    return child


def reap() -> list[int]:
    """Reap the children that have ended, and return their pids."""
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
    """Return the pids of the supervisor's current children."""
    with open(f"/proc/self/task/{os.getpid()}/children") as file:
        return [int(word) for word in file.read().split()]


def end_the_rest() -> None:
    """Kill all processes that the program left; their children become children of the supervisor in turn."""
    while rest := children():
        for child in rest:
            try:
                os.kill(child, signal.SIGKILL)
            except ProcessLookupError:
                continue
        reap()
        time.sleep(0.01)


def wait(child: int, signals: set[int]) -> int:
    """Wait for the end of the program (returns 0) or for a signal (returns its number)."""
    while True:
        got = signal.sigwait(signals)
        if got == signal.SIGCHLD:
            if child in reap():
                return 0
        else:
            return got


def stop(child: int) -> None:
    """Send SIGTERM to the program, wait at most `GRACE` seconds, and kill the remaining processes."""
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
        tries = -1 if lived or tries < 0 else tries + 1  # below 0: it has run for `SHORT` once
        if tries == TRIES:
            sys.exit(f"supervisor: {name} ended {TRIES} times right after its start; it is not started again")
        print(f"supervisor: {name} ended; it is started again", flush=True)
        time.sleep(pause)
        pause = FIRST_PAUSE if lived else min(LONGEST, pause * 2)


if __name__ == "__main__":
    main(sys.argv[1:])
