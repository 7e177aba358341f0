"""Runtime of a service: settings, logs, metrics, retry, shutdown."""
