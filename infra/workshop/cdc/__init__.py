"""Change data capture: a PostgreSQL and a Kafka Connect with Debezium, as processes beside the brokers, on demand."""
