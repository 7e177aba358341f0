"""The systems on which Kafka and Kubernetes run; what they have in common is in `workshop.stack.lifecycle`."""
