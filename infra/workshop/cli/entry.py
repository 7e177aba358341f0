"""The first lines that the command `workshop` runs: an interruption while it still loads ends it without a traceback.

The launcher (infra/environment.sh) starts Python with SIGINT blocked, so that Ctrl-C waits until the handler below is there.
"""

from __future__ import annotations

import _signal  # what `signal` is made of: importing that, with `enum`, takes ten times as long
import os

SIGINT, SIGTERM, SIGHUP = _signal.SIGINT, _signal.SIGTERM, _signal.SIGHUP
BROKEN_PIPE = 128 + _signal.SIGPIPE


def leave_at_once(number: int, frame: object) -> None:
    """End the process: nothing was begun yet, or everything is over."""
    os._exit(128 + number)


def leave_with_a_word(number: int, frame: object) -> None:
    """End the process while it still loads."""
    try:
        os.write(2, b"Interrupted. Nothing was started; run the same command again.\n")
    finally:
        os._exit(128 + number)


def _handle(handler: object) -> None:
    for number in (SIGINT, SIGTERM, SIGHUP):
        if number != SIGHUP or _signal.getsignal(number) != _signal.SIG_IGN:  # nohup stays in force
            _signal.signal(number, handler)


_handle(leave_with_a_word)
_signal.pthread_sigmask(_signal.SIG_UNBLOCK, [SIGINT])


def main() -> int:
    """Load the command, run it, and return its exit code; every way out is a sentence."""
    from workshop.base import incidents, streams

    try:
        streams.prepare()
        incidents.install()
        from workshop.cli import main

        code = main.main()
        streams.flush()
    except SystemExit as error:
        code = _code_of(error)
    except BrokenPipeError:
        code = BROKEN_PIPE
    except KeyboardInterrupt as error:  # a second Ctrl-C, while the first was reported
        code = 128 + getattr(error, "number", SIGINT)
    except BaseException as error:
        incidents.report(error)
        code = 1
    finally:
        _handle(leave_at_once)
    return _end(code)


def _code_of(error: SystemExit) -> int:
    """The exit code of a `sys.exit`: of argparse, or of rich, whose way of ending on a broken pipe it is."""
    if isinstance(error.__context__, BrokenPipeError):
        return BROKEN_PIPE
    return error.code if isinstance(error.code, int) else int(error.code is not None)


def _end(code: int) -> int:
    """Write what is held back; what the interpreter itself says while it ends reaches nobody."""
    from workshop.base import streams

    try:
        streams.flush()
    except BrokenPipeError:
        code = BROKEN_PIPE
    except OSError:
        code = code or 1
    streams.silence(1, 2)
    return code
