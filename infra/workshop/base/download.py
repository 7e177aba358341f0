"""Parallel download of pinned files, resumed after interruptions and verified by SHA-256.

Proxies come from the usual variables (`https_proxy`, `no_proxy`), certificates from the system's store, `SSL_CERT_FILE` or
certifi.
"""

from __future__ import annotations

import errno
import hashlib
import os
import ssl
import stat
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from urllib.parse import urlsplit

import certifi

from workshop.base.errors import WorkshopError

PARALLEL = 8
ATTEMPTS = 4
SILENCE = 30  # seconds without a byte after which a connection times out
CHUNK = 1 << 16
# The modification time of all files on all machines: Java's ahead-of-time cache requires the times that it recorded.
FIXED_TIME = 1_500_000_000
BEING_TRIED_AGAIN = (500, 502, 503, 504, 429)


@dataclass(frozen=True)
class Pinned:
    """A file to download: its path in the repository, its size in bytes and its SHA-256."""

    path: str
    size: int
    sha256: str

    @property
    def name(self) -> str:
        """The file's name without folders."""
        return self.path.rsplit("/", 1)[-1]


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def fetch_all(base: str, files: Sequence[Pinned], folder: Path, progress: Callable[[int], None]) -> None:
    """Download every file into `folder`, except those that are already there with the right size.

    Args:
        base: the URL to which `Pinned.path` is appended.
        progress: called from several threads with the number of bytes received, or a negative number for discarded bytes.

    Raises:
        WorkshopError: a file could not be downloaded; the message has the reason. Complete files are kept.
    """
    folder.mkdir(parents=True, exist_ok=True)
    missing = [f for f in files if not _present(folder / f.name, f)]
    progress(sum(f.size for f in files) - sum(f.size for f in missing))
    stop = threading.Event()
    pool = ThreadPoolExecutor(PARALLEL, thread_name_prefix="fetch")
    try:
        for done in as_completed([pool.submit(_fetch, base, f, folder, progress, stop) for f in missing]):
            done.result()
    finally:
        stop.set()
        pool.shutdown(wait=True, cancel_futures=True)


def _present(path: Path, file: Pinned) -> bool:
    """Return whether a file is complete; in a copy of a cache, it gets its modification time back."""
    try:
        found = path.stat()
    except OSError:
        return False
    if not stat.S_ISREG(found.st_mode) or found.st_size != file.size:
        return False
    if found.st_mtime != FIXED_TIME:
        with suppress(OSError):  # a cache that another user filled
            os.utime(path, (FIXED_TIME, FIXED_TIME))
    return True


def _fetch(base: str, file: Pinned, folder: Path, progress: Callable[[int], None], stop: threading.Event) -> None:
    part = folder / f"{file.name}.part"
    for attempt in range(1, ATTEMPTS + 1):
        try:
            resumed = _receive(f"{base}/{file.path}", part, file.size, progress, stop)
        except (OSError, HTTPException, ValueError) as error:
            _give_up_if_final(error, base, file, attempt)
            stop.wait(0.5 * 2**attempt)
            continue
        if stop.is_set():
            return
        if sha256(part) == file.sha256:
            os.utime(part, (FIXED_TIME, FIXED_TIME))
            part.replace(folder / file.name)
            return
        progress(-part.stat().st_size)
        part.unlink()
        if not resumed:
            raise WorkshopError(
                f"{file.name} from {_host(base)} is not the pinned file: its SHA-256 differs. It was deleted.",
                "If you set WORKSHOP_MAVEN, check that mirror; otherwise check the proxy, which may change files.",
            )


def _receive(url: str, part: Path, size: int, progress: Callable[[int], None], stop: threading.Event) -> bool:
    """Append the missing bytes to the partial file; return whether an earlier download was resumed."""
    have = part.stat().st_size if part.exists() else 0
    if have > size:
        part.unlink()
        have = 0
    if have == size:
        progress(have)
        return True
    request = urllib.request.Request(url, headers={"Range": f"bytes={have}-"} if have else {})  # noqa: S310
    with urllib.request.urlopen(request, timeout=SILENCE, context=_certificates()) as answer:  # noqa: S310
        resumed = have > 0 and answer.status == 206
        with part.open("ab" if resumed else "wb") as out:
            counted = have if resumed else 0
            progress(counted)
            try:
                while not stop.is_set() and (block := answer.read(CHUNK)):
                    out.write(block)
                    counted += len(block)
                    progress(len(block))
                if counted < size and not stop.is_set():
                    raise HTTPException(f"the connection ended after {counted} of {size} bytes")
            except BaseException:
                progress(-counted)
                raise
    return resumed


def _certificates() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    return context


def _give_up_if_final(error: Exception, base: str, file: Pinned, attempt: int) -> None:
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        raise WorkshopError(
            f"The disk is full: {file.name} could not be written.",
            "Free some space (Kafka needs about 200 MB), or set WORKSHOP_CACHE to a folder on another disk; "
            "the partial download is kept.",
        ) from error
    if isinstance(error, urllib.error.HTTPError):
        error.close()
    if isinstance(error, urllib.error.HTTPError) and error.code not in BEING_TRIED_AGAIN:
        raise WorkshopError(
            f"{_host(base)} answers {error.code} for {file.path}.",
            "Set WORKSHOP_MAVEN to the address of a complete mirror of Maven Central, or unset it.",
        ) from error
    if attempt == ATTEMPTS:
        reason = getattr(error, "reason", None) or error
        raise WorkshopError(
            f"{file.name} could not be fetched from {_host(base)}: {reason}.",
            "Check the network. Behind a proxy, set https_proxy; with a mirror of Maven Central, set WORKSHOP_MAVEN. "
            "Then run the same command again: it resumes the download.",
        ) from error


def _host(base: str) -> str:
    return urlsplit(base).hostname or base
