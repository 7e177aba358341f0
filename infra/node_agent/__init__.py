"""Nodes whose pods are processes of this machine: what a kubelet and kube-proxy do, for the backend `local`.

One process is three nodes. It speaks with the API server as each of them (their certificates, their rights), starts what the
scheduler gives them, and tells what became of it. It needs no root, no container engine and no cgroups, and so a pod here has
no file system of its own: an image is a folder and an entry point (`infra/images.toml`), a volume is a folder, and the paths
at which a manifest mounts volumes are replaced, where they stand in commands and variables, by the paths of those folders.
"""
