"""Resource usage, and the metrics API."""
