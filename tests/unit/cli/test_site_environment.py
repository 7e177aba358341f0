"""The pinned packages of the site's builder."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from workshop.base.errors import WorkshopError
from workshop.base.settings import Settings
from workshop.base.timeline import Timeline
from workshop.cli import site_environment
from workshop.cli.site_environment import Package


def archive(text: str) -> bytes:
    """Return a package of npm with one file."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as packed:
        about = tarfile.TarInfo("package/dist/a.js")
        about.size = len(text)
        packed.addfile(about, io.BytesIO(text.encode()))
    return content.getvalue()


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, bytes]]:
    """Serve these archives, by their path, as a registry of npm."""
    archives: dict[str, bytes] = {}

    class Registry(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            content = archives.get(self.path.lstrip("/"))
            self.send_response(200 if content else 404)
            self.end_headers()
            self.wfile.write(content or b"")

        def log_message(self, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Registry)
    thread = Thread(target=server.serve_forever)
    thread.start()
    monkeypatch.setenv("npm_config_registry", f"http://127.0.0.1:{server.server_port}/")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    yield archives
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def checkout(settings: Settings, tmp_path: Path) -> Settings:
    return replace(settings, root=tmp_path / "checkout", cache=tmp_path / "cache")


def package(content: bytes, name: str = "@scope/tiny") -> Package:
    return Package(name, "1.2.3", site_environment._integrity(content), "tiny")


def test_a_package_is_unpacked_and_kept_in_the_cache(registry: dict[str, bytes], checkout: Settings):
    one = package(archive("1"))
    registry["@scope/tiny/-/tiny-1.2.3.tgz"] = archive("1")
    site_environment._unpack(checkout, one)
    file = site_environment.vendored(checkout) / "tiny/dist/a.js"
    assert file.read_text() == "1"
    registry.clear()
    elsewhere = replace(checkout, root=checkout.root / "another")
    site_environment._unpack(elsewhere, one)
    assert (site_environment.vendored(elsewhere) / "tiny/dist/a.js").read_text() == "1"


def test_another_content_than_the_pinned_one_is_refused(registry: dict[str, bytes], checkout: Settings):
    registry["@scope/tiny/-/tiny-1.2.3.tgz"] = archive("2")
    with pytest.raises(WorkshopError) as caught:
        site_environment._unpack(checkout, package(archive("1")))
    assert "SHA-512" in caught.value.happened
    assert not list(checkout.cache.rglob("*.tgz"))


def test_a_package_that_is_not_there_is_reported(registry: dict[str, bytes], checkout: Settings):
    with pytest.raises(WorkshopError) as caught:
        site_environment._unpack(checkout, package(archive("1")))
    assert "npm_config_registry" in caught.value.next_step


def test_every_package_is_pinned_by_hash():
    settings = Settings.load()
    for one in site_environment.packages(settings):
        assert one.integrity.startswith("sha512-"), one.name
        assert len(one.integrity) == len("sha512-") + 88
    assert {one.folder for one in site_environment.packages(settings) if one.only != "tests"} == {"reveal", "mermaid"}


def test_an_edited_list_makes_the_environment_again(checkout: Settings):
    for file in (site_environment.LOCK, site_environment.NPM_LOCK):
        (checkout.root / file).parent.mkdir(parents=True, exist_ok=True)
        (checkout.root / file).write_text(json.dumps([]))
    python = site_environment.python(checkout)
    python.parent.mkdir(parents=True)
    python.touch()
    mark = checkout.root / site_environment.ENVIRONMENT / site_environment.MARK
    assert not site_environment._is_current(checkout)
    mark.write_text(site_environment._fingerprint(checkout))
    assert site_environment._is_current(checkout)
    site_environment.provision(checkout, Timeline())  # has nothing to do
    (checkout.root / site_environment.LOCK).write_text("another")
    assert not site_environment._is_current(checkout)
