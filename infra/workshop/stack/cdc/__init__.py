"""Change data capture: PostgreSQL and Kafka Connect with Debezium as processes, started on demand.

On kind they are processes too, and Connect uses the brokers' ports on the host, like a notebook. As pods they would need two
more images, built and loaded into every node for one lesson. The lesson does not depend on where they run: the bank's
monolith is outside Kubernetes anyway.
"""
