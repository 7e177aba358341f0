"""Faults on purpose, while payments flow, and the proof of what became of each payment."""
