"""Kernels for nbval with the suite's time limits, which can also run code outside of a notebook's cells."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from queue import Empty

from nbval.kernel import CURRENT_ENV_KERNEL_NAME, RunningKernel, start_new_kernel

from suite import patience

STACKS = signal.SIGUSR1
STACKS_WITHIN, STILL = 30.0, 1.0  # seconds for the stacks to be written, and without growth after which they are whole
REGISTER = (
    "import faulthandler; faulthandler.register({number}, file=open({log!r}, 'ab'), all_threads=True); del faulthandler"
)


@dataclass(frozen=True)
class Outcome:
    """The result of code: name, text and traceback of its error; empty if it had no error.

    After a timeout, the trace has the stacks of all threads.
    """

    error: str = ""
    text: str = ""
    trace: str = ""


class PatientKernel(RunningKernel):
    """nbval's kernel without its fixed timeouts (nbval issue 231): each wait has the suite's limit."""

    def __init__(self, folder: Path, log: Path, name: str = CURRENT_ENV_KERNEL_NAME) -> None:
        """Start the kernel `name` in `folder`; its standard error goes to `log`."""
        self.log = log
        with log.open("ab") as words:
            self.km, self.kc = start_new_kernel(
                patience.START,
                name,
                cwd=str(folder),
                stderr=words,
                env={**os.environ, "WORKSHOP_STRICT": "1"},
            )
        outcome = self.execute(REGISTER.format(number=int(STACKS), log=str(log)), patience.START)
        if outcome.error:
            raise RuntimeError(f"The kernel did not start: {outcome.text}")

    def execute(self, code: str, timeout: float) -> Outcome:
        """Run code and return its outcome; interrupt the kernel after a timeout."""
        errors: list[Outcome] = []

        def see(message: dict) -> None:
            if message["msg_type"] == "error":
                said = message["content"]
                errors.append(Outcome(said["ename"], said["evalue"], "\n".join(said["traceback"])))

        try:
            self.kc.execute_interactive(
                code, store_history=False, allow_stdin=False, stop_on_error=False, timeout=timeout, output_hook=see
            )
        except (TimeoutError, Empty):
            before = self.log.stat().st_size
            self.interrupt()
            stacks = self.log.read_bytes()[before:].decode(errors="replace")
            return Outcome("TimeoutError", f"Not finished within {timeout:g} s.", stacks)
        return errors[0] if errors else Outcome()

    def interrupt(self) -> None:
        """Write the stacks of all threads to the log, which then shows what a cell waited for; interrupt the cell."""
        before = self.log.stat().st_size
        os.kill(self.km.provisioner.pid, STACKS)
        deadline, size = time.monotonic() + STACKS_WITHIN, before
        # The kernel writes them in its signal handler, in pieces; nothing tells when it has.
        while time.monotonic() < deadline:
            time.sleep(STILL)
            size, last = self.log.stat().st_size, size
            if size == last > before:
                break
        super().interrupt()
