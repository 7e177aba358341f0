"""The kubelet's part: pods, containers, probes, volumes, the node's registration."""
