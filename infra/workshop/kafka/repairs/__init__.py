"""Repairs of the pinned kafka-python, each with a test on real brokers."""
