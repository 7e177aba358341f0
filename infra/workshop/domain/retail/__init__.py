"""A shop: the domain. Pure: no Kafka, no Kubernetes. Money is integer cents.

`tills` (lines of receipts, as the log has them), `stock` and `baskets` (aggregates: decide and evolve), `projections` (what
each reader makes of the log), `promotions` (what if).
"""
