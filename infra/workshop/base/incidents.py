"""Reports of unexpected errors: a short message for the user, and details in the log `errors`.

The log is in the state folder. The module imports only the standard library, so that it also reports a damaged environment.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
import traceback
import warnings
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from types import TracebackType

NAME = "errors"  # the log's name for `workshop logs`
LIMIT = 1_000_000  # bytes after which the file is renamed to .log.1
REDELIVERY = 0.05  # seconds after which an interrupt that Python dropped is sent again
# Loggers of libraries that report through exceptions too. Records of other loggers are not touched.
LIBRARIES = ("aiohttp", "asyncio", "confluent_kafka", "httpcore", "httpx", "kafka", "kubernetes", "tornado", "urllib3")
_reported_threads: set[str] = set()


def log_file() -> Path:
    """Return the path of the log, without `Settings`, which may be the cause of the error."""
    state = os.environ.get("WORKSHOP_STATE") or Path(__file__).resolve().parents[3] / ".workshop"
    return Path(os.path.expanduser(state)) / "logs" / f"{NAME}.log"


def keep(details: str) -> bool:
    """Append details to the log; return whether they could be written."""
    with suppress(Exception):  # a full disk, a folder that cannot be written, no memory
        file = log_file()
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if file.exists() and file.stat().st_size > LIMIT:
            file.replace(file.with_suffix(".log.1"))
        with file.open("a", encoding="utf-8", errors="backslashreplace") as log:
            at = datetime.now().astimezone().isoformat(timespec="seconds")
            log.write(f"{at} pid {os.getpid()} {' '.join(sys.argv[:3])}\n{details.rstrip()}\n")
        return True
    return False


def install() -> None:
    """Install this process's hooks for uncaught errors. Calling it again has no effect."""
    sys.excepthook = _uncaught
    install_background_hooks()
    logging.lastResort = _Kept(everything=True)
    warnings.simplefilter("ignore")  # they are for authors of libraries; PYTHONWARNINGS is overridden too


def install_background_hooks() -> None:
    """Install the hooks that a notebook's kernel needs too; IPython itself shows the errors of cells."""
    threading.excepthook = _in_thread
    sys.unraisablehook = _unraisable
    logging.lastResort = _Kept(everything=False)
    logging.raiseExceptions = False  # otherwise a log that cannot be written prints a traceback


def report(error: BaseException) -> None:
    """Log an error's details and print two sentences about it: the fact, then the command."""
    kept = keep("".join(traceback.format_exception(error)))
    with suppress(Exception):
        print("\n".join(sentences(error, kept=kept)), file=sys.stderr, flush=True)


def sentences(error: BaseException, *, kept: bool) -> list[str]:
    """Return the message for the user about an unexpected error, as lines."""
    if isinstance(error, ImportError):
        return [
            f"The Python environment is incomplete: {brief(error)}.",
            "→ Delete .venv, then run ./infra/bootstrap.sh.",
        ]
    if isinstance(error, MemoryError):
        return ["There is not enough memory.", "→ Close other programs, then run the same command again."]
    where = f"`workshop logs {NAME}` shows the details; " if kept else ""
    return [f"Unexpected error: {brief(error)}.", f"→ {where}`workshop doctor` examines the machine and the stack."]


def brief(error: BaseException) -> str:
    """Return an error's type and the first line of its message."""
    said, name = next(iter(str(error).strip().splitlines()), ""), type(error).__name__
    if not said or said.startswith(name) or isinstance(error, ImportError):
        return (said or name).rstrip(".")
    return f"{name}: {said}".rstrip(".")


def _uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    report(error.with_traceback(trace))


def _in_thread(args: threading.ExceptHookArgs) -> None:
    if args.exc_value is None or isinstance(args.exc_value, SystemExit):
        return
    kept = keep("".join(traceback.format_exception(args.exc_value)))
    said = brief(args.exc_value)
    if said in _reported_threads:
        return
    _reported_threads.add(said)
    with suppress(Exception):
        where = f" `workshop logs {NAME}` shows the details." if kept else ""
        print(f"A background thread ended: {said}.{where}", file=sys.stderr, flush=True)


def _unraisable(args: sys.UnraisableHookArgs) -> None:
    """Log an error of a finalizer. Python drops a Ctrl-C that arrives in one, so the signal is sent again."""
    if isinstance(args.exc_value, KeyboardInterrupt):
        import signal

        timer = threading.Timer(REDELIVERY, os.kill, (os.getpid(), signal.SIGINT))
        timer.daemon = True
        timer.start()
        return
    with suppress(Exception):
        trace = "".join(traceback.format_exception(args.exc_type, args.exc_value, args.exc_traceback))
        keep(f"{args.err_msg or 'Exception ignored in'}: {args.object!r}\n{trace}")


class _Kept(logging.Handler):
    """Handler for records without another handler; Python would print them on the terminal or in a cell."""

    def __init__(self, *, everything: bool) -> None:
        super().__init__(logging.WARNING)
        self._everything = everything

    def emit(self, record: logging.LogRecord) -> None:
        """Log a library's record (with `everything`, any record), and print that of a lesson's logger."""
        if self._everything or record.name.split(".")[0] in LIBRARIES:
            keep(self.format(record))
        else:
            print(self.format(record), file=sys.stderr)
