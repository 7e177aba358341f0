"""CoreDNS in a kind cluster: without it brokers do not find each other, so it has to be back soon after a restart.

As kubeadm sets it up, it asks the API server by a Service's address. After a restart kube-proxy has not set up that address
yet, and CoreDNS's client then waits longer before each new attempt: brokers waited 25 of 64 seconds for names. The control
plane's own address needs no kube-proxy; kind gives its own pod network the same one.
"""

from __future__ import annotations

LABELS = {"k8s-app": "kube-dns"}  # kubeadm's; an apply that leaves a required field out is refused
API_PORT = 6443  # of the control plane's node, within Docker's network
READY_EVERY = 2  # seconds between two looks whether it is ready; kubeadm's 10 s keep its Service empty for that long


def coredns(control_plane: str) -> dict:
    """Return the fields of the Deployment `coredns` that are ours, for a server-side apply.

    Args:
        control_plane: the name of the control plane's node, which Docker resolves and the API server's certificate holds.
    """
    env = {"KUBERNETES_SERVICE_HOST": control_plane, "KUBERNETES_SERVICE_PORT": str(API_PORT)}
    container = {
        "name": "coredns",
        "env": [{"name": name, "value": value} for name, value in env.items()],
        "readinessProbe": {"periodSeconds": READY_EVERY},
    }
    # Where kubeadm's first pods are, too: a lesson that takes the power from a worker does not take names from the others.
    pods = {"nodeSelector": {"node-role.kubernetes.io/control-plane": ""}, "containers": [container]}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "coredns", "namespace": "kube-system"},
        "spec": {"selector": {"matchLabels": LABELS}, "template": {"spec": pods}},
    }
