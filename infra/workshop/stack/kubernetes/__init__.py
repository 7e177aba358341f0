"""Kubernetes: kubectl, deployment of the services, control plane, and kind."""
