"""Kubernetes: kubectl, the services' deployment, the control plane, kind."""
