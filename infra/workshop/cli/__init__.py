"""The command `workshop`: one module for each group of commands."""
