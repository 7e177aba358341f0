"""Kubelet and kube-proxy for the backend `local`: nodes whose pods are processes of this machine.

One process implements three nodes. It uses the certificate and the rights of each node towards the API server, starts the
pods that the scheduler assigns, and reports their status. It needs no root, no container engine and no cgroups. A pod
therefore has no file system of its own: an image is a folder and an entry point (`infra/images.toml`), a volume is a folder,
and the mount paths of a manifest are replaced by the paths of those folders in commands and variables.
"""
