"""Modules for notebooks: connection, live pictures, the story's data, exercises, execution."""
