"""The HTTP API of a node: logs, exec, metrics."""
