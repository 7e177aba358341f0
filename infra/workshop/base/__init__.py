"""Basics: files, processes, ports, waiting, settings. They import no other part of the workshop."""
