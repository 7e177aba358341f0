"""Entry point of the command `workshop`, which handles interruptions from the first line on.

The launcher (infra/environment.sh) starts Python with SIGINT blocked, so that Ctrl-C is delivered once the handler below is
installed. An interruption during imports ends the command without a traceback.
"""

from __future__ import annotations

import _signal  # the C module behind `signal`, whose import, with `enum`, takes ten times as long
import os

SIGINT, SIGTERM, SIGHUP = _signal.SIGINT, _signal.SIGTERM, _signal.SIGHUP
BROKEN_PIPE = 128 + _signal.SIGPIPE


def leave_at_once(number: int, frame: object) -> None:
    """End the process: nothing was started yet, or everything has ended."""
    os._exit(128 + number)


def leave_with_a_word(number: int, frame: object) -> None:
    """Print a message, and end the process during its imports."""
    try:
        os.write(2, b"Interrupted. Nothing was started; run the same command again.\n")
    finally:
        os._exit(128 + number)


def _handle(handler: object) -> None:
    for number in (SIGINT, SIGTERM, SIGHUP):
        if number != SIGHUP or _signal.getsignal(number) != _signal.SIG_IGN:  # keep the effect of nohup
            _signal.signal(number, handler)


_handle(leave_with_a_word)
_signal.pthread_sigmask(_signal.SIG_UNBLOCK, [SIGINT])


def main() -> int:
    """Import the command, run it, and return its exit code; every error is reported as a message."""
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
    """Return the exit code of a SystemExit, raised by argparse, or by rich on a broken pipe."""
    if isinstance(error.__context__, BrokenPipeError):
        return BROKEN_PIPE
    return error.code if isinstance(error.code, int) else int(error.code is not None)


def _end(code: int) -> int:
    """Flush the streams, and discard later output of the interpreter during its shutdown."""
    from workshop.base import streams

    try:
        streams.flush()
    except BrokenPipeError:
        code = BROKEN_PIPE
    except OSError:
        code = code or 1
    streams.silence(1, 2)
    return code
