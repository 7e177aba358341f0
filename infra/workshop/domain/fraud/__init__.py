"""Fraud analysis: the domain. Pure: no Kafka, no Kubernetes.

Money is integer cents; times are naive UTC.

Input: `transactions` (one canonical table for every log). Computations: `windows` and `features` (a whole log at once, with
numpy) and `stream` (one event at a time, the same numbers); `rules` (real time), `model` and `protocol` (the published
benchmark), `periods` (warnings afterwards).
"""
