"""Clients of Kafka: settings, topics, producing, consuming, and the repairs of kafka-python."""
