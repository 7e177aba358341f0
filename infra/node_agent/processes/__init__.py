"""Processes and their logs."""
