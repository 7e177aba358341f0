"""A shop: the domain. Pure: no Kafka, no Kubernetes. Money is integer cents.

`tills` (lines of receipts, from the log), `stock` and `baskets` (aggregates: decide and evolve), `projections` (tables from
the log), `promotions` (a what-if analysis).
"""
