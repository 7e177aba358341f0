"""Kubelet: pods, containers, probes, volumes, and the node's registration."""
