"""Fraud analysis: the domain. Pure: no Kafka, no Kubernetes. Money is integer cents; times are naive UTC.

What comes in: `transactions` (one canonical table for every log). What is computed of it: `windows` and `features` (all at
once, with numpy) and `stream` (one event at a time, the same numbers); `rules` (real time), `model` and `protocol` (the
published yardstick), `periods` (the warning afterwards).
"""
