"""Change data capture: a PostgreSQL and a Kafka Connect with Debezium, as processes beside the brokers, on demand.

Also on kind: there Connect reaches the cluster's brokers as a notebook does. In pods they would be two more images, built and
brought into every node for one lesson, and nothing that the lesson shows depends on where they run: the bank's
monolith is what stands outside of Kubernetes anyway.
"""
