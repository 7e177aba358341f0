"""A real Kubernetes control plane in one process, for the backend `local`; its program is in `infra/deploy/controlplane`."""
