"""An existing Kafka and cluster: access, checks of rights, and the workshop's objects there."""
