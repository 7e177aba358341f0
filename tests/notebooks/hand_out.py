"""Writes fresh attendees' notebooks, generated from the solutions named, into a folder. Usage: hand_out.py FOLDER SOLUTION ..."""

import sys
from pathlib import Path

import nbformat
from workshop.notebooks import attendee_copy

folder = Path(sys.argv[1])
folder.mkdir(parents=True)
for path in map(Path, sys.argv[2:]):
    nbformat.write(attendee_copy(nbformat.read(path, as_version=4)), folder / path.name)
