"""Error messages for files that cannot be read as a whole."""

from __future__ import annotations

import csv
import gzip
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
from python_calamine import CalamineError, PasswordError

from workshop.base.errors import WorkshopError
from workshop.domain.escaped import escaped

TAKEN = "It takes CSV and other tables of text, JSON lines, .xlsx and Parquet."


@contextmanager
def told(path: Path) -> Iterator[None]:
    """Convert errors in the block, while this file is read, to WorkshopError."""
    try:
        yield
    except (EOFError, zlib.error, gzip.BadGzipFile, zipfile.BadZipFile):
        raise WorkshopError(f"{path.name} is packed, and its end is missing or damaged.", "Copy it again.") from None
    except FileNotFoundError:
        raise WorkshopError(
            f"There is no file {path}.", "Give the path of your log: delimited text, JSON, .xlsx or Parquet."
        ) from None
    except UnicodeDecodeError as error:
        piece = escaped(repr(error.object[max(0, error.start - 10) : error.end + 10]))
        raise WorkshopError(
            f"{path.name} is not text in {error.encoding}: {piece} cannot be read.",
            "Set its encoding: --encoding NAME, such as windows-1252; or save it as UTF-8.",
        ) from None
    except UnicodeError as error:  # a UTF-16 text that is truncated or has no byte order mark
        raise WorkshopError(f"{path.name} cannot be read as text: {error}.", "Save it as UTF-8.") from None
    except OSError as error:
        raise WorkshopError(f"{path} cannot be read: {error.strerror or error}.", "Give a file you may read.") from None
    except PasswordError:
        raise WorkshopError(f"{path.name} is protected by a password.", "Save it without one, or as CSV.") from None
    except (pa.ArrowException, csv.Error, CalamineError, NotImplementedError, MemoryError) as error:
        raise _unread(path, error) from None
    except BaseException as error:
        if type(error).__name__ != "PanicException":  # from the workbook reader's Rust code; it is not an Exception
            raise
        raise _unread(path, error) from None


def _unread(path: Path, error: BaseException) -> WorkshopError:
    said = escaped((str(error).splitlines() or [type(error).__name__])[0].rstrip("."), 200)
    return WorkshopError(f"{path.name} cannot be read: {said}.", TAKEN)
