"""The systems on which Kafka and Kubernetes run; `workshop.stack.lifecycle` has their common parts."""
