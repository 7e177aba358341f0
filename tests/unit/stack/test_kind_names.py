"""The fields of CoreDNS that are ours."""

from __future__ import annotations

from workshop.stack.kubernetes.kind.names import coredns


def test_coredns_asks_the_control_plane_itself_and_stays_beside_it():
    found = coredns("kind-control-plane")
    spec = found["spec"]["template"]["spec"]
    (container,) = spec["containers"]
    env = {one["name"]: one["value"] for one in container["env"]}
    assert env == {"KUBERNETES_SERVICE_HOST": "kind-control-plane", "KUBERNETES_SERVICE_PORT": "6443"}
    assert spec["nodeSelector"] == {"node-role.kubernetes.io/control-plane": ""}
    assert (found["metadata"]["name"], found["metadata"]["namespace"]) == ("coredns", "kube-system")


def test_an_apply_does_not_name_fields_that_kubeadm_owns():
    (container,) = coredns("x")["spec"]["template"]["spec"]["containers"]
    assert set(container) == {"name", "env", "readinessProbe"}
    assert container["readinessProbe"] == {"periodSeconds": 2}
