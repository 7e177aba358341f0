"""Writes fresh attendees' notebooks, generated from the solutions, into a folder. Usage: hand_out.py FOLDER."""

import sys
from pathlib import Path

import nbformat
from workshop.notebooks import attendee_copy, solutions
from workshop.settings import Settings

folder = Path(sys.argv[1])
folder.mkdir(parents=True)
for path in solutions(Settings.load()):
    nbformat.write(attendee_copy(nbformat.read(path, as_version=4)), folder / path.name)
