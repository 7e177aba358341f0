"""The command `workshop`: one module per group of commands."""
