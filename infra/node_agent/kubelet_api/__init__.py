"""HTTPS API of a node: logs, exec, metrics."""
