"""A kind cluster as the workshop's Kubernetes: Docker engine, nodes, images, and brokers in pods."""
