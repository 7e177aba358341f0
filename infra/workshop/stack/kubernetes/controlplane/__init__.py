"""A Kubernetes control plane in one process (`infra/deploy/controlplane`), for the backend `local`."""
