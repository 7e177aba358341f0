"""A kind cluster as the workshop's Kubernetes: the Docker engine, the cluster, its images, the brokers in it."""
