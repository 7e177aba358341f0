"""Build the site: python -m website --root CHECKOUT --lessons FOLDER --vendor FOLDER --work FOLDER --out FOLDER.

The exit code is 0, 1 if Sphinx failed, or 3 if Sphinx had warnings, which are printed.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path

from sphinx.cmd.build import build_main

from website import external_links, lessons, slides, stage

WARNINGS = 3


def main(arguments: list[str]) -> int:
    """Build the site, and return the exit code."""
    parser = argparse.ArgumentParser(prog="website", description=__doc__)
    for name in ("root", "lessons", "vendor", "work", "out"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--commit", default="")
    given = parser.parse_args(arguments)
    found = [lessons.read(path) for path in sorted(given.lessons.glob("*.ipynb"))]
    source = given.work / "source"
    stage.write(given.root, found, source, given.commit)
    for script in (given.vendor / "mermaid").glob("dist/*.js"):
        shutil.copy(script, source / "_static")
    warnings = given.work / "warnings.txt"
    words = ["-q", "-j", "auto", "-w", str(warnings), "-d", str(given.work / "doctrees"), str(source), str(given.out)]
    if code := build_main(words):
        return code
    slides.write(found, given.root, given.vendor / "reveal", given.out)
    (given.out / "_static/webpack-macros.html").unlink(missing_ok=True)  # a template of the theme, no page
    (given.out / ".buildinfo").unlink(missing_ok=True)
    shutil.rmtree(given.out / "_sources", ignore_errors=True)  # myst-nb copies the notebooks
    external_links.write(given.out)
    (given.out / ".nojekyll").touch()  # a code host's pages would leave out folders that begin with an underscore
    return WARNINGS if warnings.exists() and warnings.stat().st_size else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
