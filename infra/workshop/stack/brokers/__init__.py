"""Kafka itself, as processes: its jars, its Java, a node's settings, and what is built from them once."""
