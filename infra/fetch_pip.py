"""Install the pinned pip into an environment without pip: download it from the package index and verify its hash.

Usage: fetch_pip.py INSTALLER_TXT VENV [WHEELS]. Standard library only. Uses PIP_INDEX_URL, proxies and SSL_CERT_FILE. With a
folder WHEELS, the wheel is taken from there.
"""

from __future__ import annotations

import hashlib
import http.client
import os
import re
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path
from urllib.parse import urldefrag, urljoin

INDEX = "https://pypi.org/simple"


def pinned(requirements: str) -> tuple[str, set[str]]:
    """Return the pinned version of pip and the SHA-256 values of its files."""
    block = re.search(r"^pip==(\S+) \\\n((?:\s+--hash=.*\n?)+)", requirements, re.MULTILINE)
    if block is None:
        sys.exit("installer.txt pins no pip.")
    return block[1], set(re.findall(r"sha256:([0-9a-f]{64})", block[2]))


def read(url: str) -> bytes:
    """Return the content at an address."""
    request = urllib.request.Request(url, headers={"Accept": "text/html"})  # noqa: S310
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
        return answer.read()


def wheel(version: str, hashes: set[str], folder: str = "") -> tuple[str, bytes]:
    """Return name and content of pip's wheel, from `folder` or the package index.

    Exits if its hash is not pinned.
    """
    name = f"pip-{version}-py3-none-any.whl"
    content = (Path(folder) / name).read_bytes() if folder else fetched(name)
    if hashlib.sha256(content).hexdigest() not in hashes:
        sys.exit(f"{name} is not the file that is pinned: its SHA-256 differs. It was not used.")
    return name, content


def fetched(name: str) -> bytes:
    """Return a wheel of pip from the package index."""
    page = f"{os.environ.get('PIP_INDEX_URL', INDEX).rstrip('/')}/pip/"
    links = re.findall(r'href="([^"]+)"', read(page).decode())
    link = next((link for link in links if urldefrag(link).url.endswith(name)), None)
    if link is None:
        sys.exit(f"The package index has no {name}.\n→ Set PIP_INDEX_URL to a complete mirror.")
    return read(urldefrag(urljoin(page, link)).url)


def main() -> None:
    """Download pip and let it install itself."""
    version, hashes = pinned(Path(sys.argv[1]).read_text())
    try:
        name, content = wheel(version, hashes, *sys.argv[3:4])
    except (OSError, ValueError, http.client.HTTPException) as error:
        sys.exit(
            f"pip could not be fetched from the package index: {error}.\n"
            "→ Check the network; behind a proxy set https_proxy, with a mirror PIP_INDEX_URL. Then run this again."
        )
    with tempfile.TemporaryDirectory() as scratch:
        file = Path(scratch) / name
        file.write_bytes(content)
        python = Path(sys.argv[2]) / "bin" / "python"
        # A wheel is a zip file, from which pip can run.
        done = subprocess.run([python, f"{file}/pip", "install", "--quiet", "--no-index", file], check=False)
    if done.returncode:
        sys.exit(
            f"pip could not be installed in {sys.argv[2]}; the lines above say why.\n→ Is there space on the disk?"
        )


if __name__ == "__main__":
    main()
