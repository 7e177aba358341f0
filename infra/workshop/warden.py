"""Keeps one program running: started again when it dies, and whatever it left behind ended first.

python warden.py PROGRAM [WORD ...], by a Python without site-packages (-I -S), so that it takes little memory.

The warden is the "subreaper" of everything below it (Linux, prctl(2)): a process whose parent dies becomes its child, so that
none is lost when the program is killed. If the warden itself is killed, the program is told by the kernel (PDEATHSIG).
"""

import ctypes
import os
import signal
import sys
import time

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
SHORT = 10.0  # seconds: a program that ended sooner waits a little longer before it is started again
LONGEST = 5.0
GRACE = 20.0

libc = ctypes.CDLL(None)


def start(argv: list[str]) -> int:
    """Start the program; returns its number."""
    child = os.fork()
    if child == 0:
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        try:
            os.execvp(argv[0], argv)  # noqa: S606 (the words come from workshop.processes)
        except OSError as error:
            print(f"warden: {argv[0]} cannot be started: {error}", flush=True)
            os._exit(127)
    return child


def reap() -> list[int]:
    """The numbers of children that have ended since."""
    ended = []
    while True:
        try:
            child, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return ended
        if child == 0:
            return ended
        ended.append(child)


def children() -> list[int]:
    """All of the warden's present children."""
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
    signals = {signal.SIGCHLD, signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    pause = 0.2
    while True:
        began, child = time.monotonic(), start(argv)
        if wait(child, signals):
            stop(child)
            return
        print(f"warden: {os.path.basename(argv[0])} ended; it is started again", flush=True)
        end_the_rest()
        pause = min(LONGEST, pause * 2) if time.monotonic() - began < SHORT else 0.2
        time.sleep(pause)


if __name__ == "__main__":
    main(sys.argv[1:])
