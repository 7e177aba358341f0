"""Format of a file, detected by its content and not by its name, and the unpacked bytes of a text."""

from __future__ import annotations

import gzip
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, BinaryIO

from workshop.base.errors import WorkshopError
from workshop.domain.escaped import escaped, listed
from workshop.ingest.encoding import marked
from workshop.ingest.sentences import TAKEN, told

PARQUET, WORKBOOK, TEXT = "parquet", "workbook", "text"
HEAD = 8_192  # bytes
_GZIP, _ZIP, _OLE = b"\x1f\x8b", (b"PK\x03\x04", b"PK\x05\x06"), b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_UNPACK, _SAVE = "Unpack it, and give the file in it.", "Save the table as CSV, and give that."
_OTHERS: tuple[tuple[bytes, str, str], ...] = (
    (b"%PDF", "a PDF document", "Export the table as CSV where the document was made."),
    (b"BZh", "packed by bzip2", _UNPACK),
    (b"\xfd7zXZ", "packed by xz", _UNPACK),
    (b"\x28\xb5\x2f\xfd", "packed by zstd", _UNPACK),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", _UNPACK),
    (b"Rar!", "a rar archive", _UNPACK),
    (b"ARROW1", "an Arrow file", "Save it as Parquet: pyarrow.parquet.write_table."),
    (b"ORC", "an ORC file", "Save it as Parquet."),
    (b"Obj\x01", "an Avro file", "Save it as Parquet or JSON lines."),
    (b"SQLite format 3", "an SQLite database", "Export a table: sqlite3 -header -csv FILE 'SELECT * FROM table'."),
)
_XES = "Convert it: pm4py.convert_to_dataframe(pm4py.read_xes('log.xes')).to_csv('log.csv', index=False)."


@dataclass(frozen=True)
class Content:
    """The content of a file.

    Attributes:
        kind: PARQUET, WORKBOOK or TEXT.
        member: the only file in a zip archive; empty if the file is not an archive.
        packed: whether the file is compressed by gzip.
        head: the first bytes of a text, unpacked.
    """

    path: Path
    kind: str
    member: str = ""
    packed: bool = False
    head: bytes = b""

    @contextmanager
    def open(self) -> Iterator[tuple[IO[bytes] | gzip.GzipFile, Callable[[], float]]]:
        """Open the file; yield its unpacked bytes and a function that returns the share read so far."""
        size = self.path.stat().st_size or 1
        with self.path.open("rb") as file:
            if self.member:
                with zipfile.ZipFile(file) as archive, archive.open(self.member) as stream:
                    total = archive.getinfo(self.member).file_size or 1
                    yield stream, lambda: min(1.0, stream.tell() / total)
            elif self.packed:
                with gzip.open(file) as stream:
                    yield stream, lambda: file.tell() / size
            else:
                yield file, lambda: file.tell() / size


def recognise(path: Path) -> Content:
    """Return the format of a file, from its beginning.

    Raises:
        WorkshopError: the file cannot be read, or its format is not supported; the message has the next step.
    """
    with told(path), path.open("rb") as file:
        head = file.read(HEAD)
        if not head:
            raise WorkshopError(f"{path.name} is empty.", "Give a file with a header and rows.")
        if head.startswith(b"PAR1"):
            return Content(path, PARQUET)
        if head.startswith(_ZIP):
            return _archive(path)
        if head.startswith(_OLE):
            raise _old_office(path, file)
        if not head.startswith(_GZIP):
            return Content(path, TEXT, head=_text(head, path.name))
        file.seek(0)
        with gzip.open(file) as stream:
            head = stream.read(HEAD)
    if not head:
        raise WorkshopError(f"{path.name} is empty.", "Give a file with a header and rows.")
    return Content(path, TEXT, packed=True, head=_text(head, path.name, packed=True))


def _archive(path: Path) -> Content:
    try:
        archive = zipfile.ZipFile(path)
    except zipfile.BadZipFile:
        raise WorkshopError(f"{path.name} is a workbook or an archive, and it is damaged.", "Copy it again.") from None
    with archive:
        names = archive.namelist()
        if any(info.flag_bits & 1 for info in archive.infolist()):
            raise WorkshopError(f"{path.name} is protected by a password.", "Save or pack it without one.")
        if "[Content_Types].xml" in names:
            return _office(path, names)
        if "mimetype" in names and b"opendocument" in _first(archive, archive.getinfo("mimetype")):
            raise WorkshopError(f"{path.name} is an OpenDocument file (.ods).", "Save its sheet as .xlsx or CSV.")
        members = [info for info in archive.infolist() if _is_meant(info)]
        if len(members) != 1:
            held = f"{len(members)} files: {listed(info.filename for info in members)}" if members else "no file"
            raise WorkshopError(f"{path.name} holds {held}.", "Unpack it, and give one file." if members else TAKEN)
        head = _first(archive, members[0])
    if not head:
        raise WorkshopError(f"{escaped(members[0].filename)} in {path.name} is empty.", "Give a file with rows.")
    return Content(path, TEXT, members[0].filename, head=_text(head, path.name, packed=True))


def _is_meant(info: zipfile.ZipInfo) -> bool:
    """Return whether a member is a user's file, not a folder or a file of an operating system."""
    name = info.filename.rsplit("/", 1)[-1]
    own = info.filename.startswith("__MACOSX/") or name.startswith("._") or name in (".DS_Store", "Thumbs.db")
    return not info.is_dir() and not own


def _first(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    with archive.open(info) as stream:
        return stream.read(HEAD)


def _office(path: Path, names: list[str]) -> Content:
    if any(name.startswith("xl/worksheets/") and name.endswith(".xml") for name in names):
        return Content(path, WORKBOOK)
    if any(name.startswith("xl/") for name in names):
        raise WorkshopError(f"{path.name} is a binary workbook (.xlsb).", "Save it as .xlsx or CSV.")
    raise WorkshopError(f"{path.name} is an Office document, and no workbook.", _SAVE)


def _old_office(path: Path, file: BinaryIO) -> WorkshopError:
    """Return the error for an old workbook, or for a new one that is encrypted by a password."""
    before = b""
    file.seek(0)
    while block := file.read(1 << 20):
        if "EncryptedPackage".encode("utf-16-le") in before + block:
            return WorkshopError(f"{path.name} is protected by a password.", "Save it without one, or as CSV.")
        before = block[-64:]
    return WorkshopError(f"{path.name} is an old workbook (.xls) or Office document.", "Save it as .xlsx or CSV.")


def _text(head: bytes, name: str, *, packed: bool = False) -> bytes:
    """Return the head if it is the beginning of a text.

    Raises:
        WorkshopError: the file is not a table of text.
    """
    for magic, what, way_out in _OTHERS:
        if head.startswith(magic):
            raise WorkshopError(f"{name} is {what}.", way_out)
    if head[257:262] == b"ustar":
        raise WorkshopError(f"{name} is a tar archive.", _UNPACK)
    if packed and head.startswith((b"PAR1", *_ZIP, _OLE, _GZIP)):
        raise WorkshopError(f"{name} holds another packed file, a workbook or Parquet.", _UNPACK)
    if marked(head):
        return head
    controls = sum(head.count(byte) for byte in (*range(9), *range(14, 27), *range(28, 32)))
    if b"\0" in head or controls > len(head) / 20:
        raise WorkshopError(f"{name} is neither text nor Parquet.", TAKEN)
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if start.startswith(b"<"):
        if b"<log" in start:
            raise WorkshopError(f"{name} is an event log in XES.", _XES)
        what = "a web page" if start.startswith((b"<!doctype html", b"<html", b"<table")) else "XML"
        raise WorkshopError(f"{name} is {what}, and no table of text.", "Open it as a workbook, and save that as CSV.")
    return head
