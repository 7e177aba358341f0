"""Kafka's brokers as processes: jars, start command, recorded first start, and command-line tools."""
