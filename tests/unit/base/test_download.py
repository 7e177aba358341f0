"""Fetching pinned files, from a real server on loopback that can be told to misbehave."""

from __future__ import annotations

import errno
import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from workshop.base import download
from workshop.base.download import Pinned, fetch_all
from workshop.base.errors import WorkshopError


class Server(ThreadingHTTPServer):
    """Serves `files`; cuts the first answers for a name in `cuts` after half of what is asked for."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files: dict[str, bytes] = {}
        self.cuts: dict[str, int] = {}
        self.asked: list[tuple[str, str | None]] = []
        self.ranges = True


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        name = self.path.lstrip("/")
        wanted = self.headers.get("Range")
        self.server.asked.append((name, wanted))
        if name not in self.server.files:
            self.send_error(404)
            return
        content = self.server.files[name]
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and self.server.ranges else 0
        rest = content[start:]
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(rest)))
        self.end_headers()
        if self.server.cuts.get(name, 0):
            self.server.cuts[name] -= 1
            rest = rest[: len(rest) // 2]
        self.wfile.write(rest)

    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A server that listens."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    server = Server()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def base(server: Server) -> str:
    return f"http://127.0.0.1:{server.server_port}"


def offer(server: Server, name: str, size: int = 300_000) -> Pinned:
    """Put a file on the server."""
    content = (name * (size // len(name) + 1))[:size].encode()
    server.files[name] = content
    return Pinned(name, size, hashlib.sha256(content).hexdigest())


def test_all_files_come_and_progress_adds_up(server: Server, tmp_path: Path):
    files = [offer(server, f"{n}.jar") for n in range(20)]
    counted: list[int] = []
    fetch_all(base(server), files, tmp_path, counted.append)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(file.name for file in files)
    assert all((tmp_path / file.name).read_bytes() == server.files[file.path] for file in files)
    assert sum(counted) == sum(file.size for file in files)


def test_what_is_there_is_not_fetched_again(server: Server, tmp_path: Path):
    files = [offer(server, "a.jar"), offer(server, "b.jar")]
    fetch_all(base(server), files, tmp_path, lambda n: None)
    server.asked.clear()
    counted: list[int] = []
    fetch_all(base(server), files, tmp_path, counted.append)
    assert server.asked == []
    assert sum(counted) == 600_000


def test_a_file_in_a_copied_cache_gets_its_time_back(server: Server, tmp_path: Path):
    file = offer(server, "a.jar")
    fetch_all(base(server), [file], tmp_path, lambda n: None)
    (tmp_path / "a.jar").touch()
    fetch_all(base(server), [file], tmp_path, lambda n: None)
    assert (tmp_path / "a.jar").stat().st_mtime == download.FIXED_TIME
    assert len(server.asked) == 1


def test_a_cut_is_resumed_where_it_happened(server: Server, tmp_path: Path):
    file = offer(server, "cut.jar")
    server.cuts["cut.jar"] = 2
    counted: list[int] = []
    fetch_all(base(server), [file], tmp_path, counted.append)
    assert [wanted for _, wanted in server.asked] == [None, "bytes=150000-", "bytes=225000-"]
    assert (tmp_path / "cut.jar").read_bytes() == server.files["cut.jar"]
    assert sum(counted) == file.size


def test_a_part_left_by_an_earlier_run_is_continued(server: Server, tmp_path: Path):
    file = offer(server, "half.jar")
    (tmp_path / "half.jar.part").write_bytes(server.files["half.jar"][:100_000])
    fetch_all(base(server), [file], tmp_path, lambda n: None)
    assert server.asked == [("half.jar", "bytes=100000-")]
    assert (tmp_path / "half.jar").read_bytes() == server.files["half.jar"]


def test_a_damaged_part_is_thrown_away_and_fetched_whole(server: Server, tmp_path: Path):
    file = offer(server, "rotten.jar")
    (tmp_path / "rotten.jar.part").write_bytes(b"?" * 100_000)
    counted: list[int] = []
    fetch_all(base(server), [file], tmp_path, counted.append)
    assert (tmp_path / "rotten.jar").read_bytes() == server.files["rotten.jar"]
    assert sum(counted) == file.size


def test_a_server_without_ranges_is_served_by_starting_again(server: Server, tmp_path: Path):
    file = offer(server, "plain.jar")
    server.ranges = False
    server.cuts["plain.jar"] = 1
    fetch_all(base(server), [file], tmp_path, lambda n: None)
    assert (tmp_path / "plain.jar").read_bytes() == server.files["plain.jar"]


def test_a_file_that_is_not_the_pinned_one_is_refused_deleted_and_named(server: Server, tmp_path: Path):
    file = offer(server, "forged.jar")
    server.files["forged.jar"] = b"!" + server.files["forged.jar"][1:]
    with pytest.raises(WorkshopError, match=r"forged\.jar.*SHA-256 differs.*deleted"):
        fetch_all(base(server), [file], tmp_path, lambda n: None)
    assert list(tmp_path.iterdir()) == []


def test_a_mirror_that_lacks_a_file_is_told_with_the_setting(server: Server, tmp_path: Path):
    with pytest.raises(WorkshopError, match=r"answers 404 for gone\.jar.*WORKSHOP_MAVEN"):
        fetch_all(base(server), [Pinned("gone.jar", 10, "0" * 64)], tmp_path, lambda n: None)


def test_no_network_is_told_with_the_settings_and_what_came_stays(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(download, "ATTEMPTS", 1)
    there = offer(server, "there.jar")
    fetch_all(base(server), [there], tmp_path, lambda n: None)
    with pytest.raises(WorkshopError, match=r"could not be fetched.*https_proxy.*WORKSHOP_MAVEN"):
        fetch_all("http://127.0.0.1:9", [there, Pinned("x.jar", 10, "0" * 64)], tmp_path, lambda n: None)
    assert (tmp_path / "there.jar").exists()


def test_a_proxy_from_the_environment_is_used(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    file = offer(server, "http://maven.example/far.jar")
    server.files[file.path.split("//", 1)[1]] = server.files[file.path]
    monkeypatch.setenv("no_proxy", "")
    monkeypatch.setenv("http_proxy", base(server))
    fetch_all("http://maven.example", [Pinned("far.jar", file.size, file.sha256)], tmp_path, lambda n: None)
    assert server.asked[0][0] == "http://maven.example/far.jar"


def test_a_full_disk_is_told_as_such(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    file = offer(server, "big.jar")

    def full(*arguments: object) -> bool:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(download, "_receive", full)
    with pytest.raises(WorkshopError, match=r"disk is full.*WORKSHOP_CACHE"):
        fetch_all(base(server), [file], tmp_path, lambda n: None)
