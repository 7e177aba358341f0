"""Archives are unpacked by every patch release of Python that the workshop supports."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest
from workshop.base.archives import unpack_tar

INFRA = Path(__file__).resolve().parents[3] / "infra"


@pytest.mark.parametrize("python", ["3.11.4 or newer", "3.11.3 or older"])
@pytest.mark.filterwarnings("ignore:Python 3.14 will:DeprecationWarning")
def test_an_archive_is_unpacked(tmp_path: Path, python: str, monkeypatch: pytest.MonkeyPatch):
    if python.endswith("older"):
        monkeypatch.delattr(tarfile, "data_filter", raising=False)
    archive = tmp_path / "one.tar.gz"
    with tarfile.open(archive, "w:gz") as content:
        about = tarfile.TarInfo("package/deep/file")
        about.size = 3
        content.addfile(about, io.BytesIO(b"abc"))
    unpack_tar(archive, tmp_path / "there")
    assert (tmp_path / "there/package/deep/file").read_bytes() == b"abc"


@pytest.mark.parametrize("python", ["3.11.4 or newer", "3.11.3 or older"])
def test_a_file_outside_of_the_folder_is_refused(tmp_path: Path, python: str, monkeypatch: pytest.MonkeyPatch):
    if python.endswith("older"):
        monkeypatch.delattr(tarfile, "data_filter", raising=False)
    archive = tmp_path / "one.tar"
    with tarfile.open(archive, "w") as content:
        content.addfile(tarfile.TarInfo("../outside"))
    with pytest.raises(tarfile.TarError):
        unpack_tar(archive, tmp_path / "there")
    assert not (tmp_path / "outside").exists()


def test_no_other_code_uses_the_filter():
    users = {
        path.name for path in INFRA.rglob("*.py") if "extractall(" in path.read_text() and "filter=" in path.read_text()
    }
    assert users == {"archives.py"}
