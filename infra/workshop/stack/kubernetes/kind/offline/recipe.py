"""The steps from package mirrors to a node image, in order."""

from __future__ import annotations

from workshop.stack.kubernetes.kind.offline import bases, metrics, node, programs, system, trees
from workshop.stack.kubernetes.kind.offline.steps import Step
from workshop.stack.toolchain import versions as v

GO_MODULE = ("go.mod", "go.sum")
COMPILED = ("../../../toolchain/go.py", "programs.py")
CONTAINERD_PROGRAMS = ("containerd", "ctr", "containerd-shim-runc-v2")
CNI_PROGRAMS = ("ptp", "loopback", "host-local", "portmap")
FINAL = ("node-image", "python-image", "metrics-image")


def _module(name: str, title: str, module: v.Module, files: tuple[str, ...], *packages: str) -> Step:
    """Return a step that compiles programs of a Go module."""
    make = programs.of(module, *packages)
    return Step(name, title, files, make, (module.name, module.hash, *packages), code=COMPILED)


STEPS = (
    Step("debian", "Debian", ("debian.tar.zst",), trees.bootstrap, (v.DEBIAN,), code=("trees.py",)),
    Step(
        "node-tree",
        "Debian for the nodes",
        ("tree.tar.zst",),
        trees.node,
        needs=("debian",),
        code=("trees.py",),
    ),
    Step("pause", "a pod's first process", ("pause",), programs.pause, sources=("pause.c",), code=COMPILED),
    Step(
        "node",
        "kubelet, kubeadm, kubectl, compiled",
        ("node",),
        programs.kubernetes("node"),
        (v.KUBERNETES,),
        sources=(*GO_MODULE, "node"),
        code=COMPILED,
    ),
    Step(
        "plane",
        "the control plane, compiled",
        ("plane",),
        programs.kubernetes("plane"),
        (v.KUBERNETES,),
        sources=(*GO_MODULE, "plane", "network"),
        code=COMPILED,
    ),
    _module(
        "containerd",
        "containerd, compiled",
        v.CONTAINERD,
        CONTAINERD_PROGRAMS,
        *(f"./cmd/{name}" for name in CONTAINERD_PROGRAMS),
    ),
    _module(
        "cni",
        "the pod network's plugins",
        v.CNI_PLUGINS,
        CNI_PROGRAMS,
        *("./plugins/main/ptp", "./plugins/main/loopback", "./plugins/ipam/host-local", "./plugins/meta/portmap"),
    ),
    _module("coredns", "CoreDNS, compiled", v.COREDNS, ("coredns",), "."),
    _module("storage", "the storage provisioner, compiled", v.LOCAL_PATH, ("local-path-provisioner",), "."),
    _module(
        "metrics-server",
        "metrics-server, compiled",
        v.METRICS_SERVER,
        ("metrics-server",),
        "./cmd/metrics-server",
    ),
    Step(
        "system-images",
        "the cluster's own images",
        ("system.tar",),
        system.images,
        (v.KIND, v.KUBERNETES, v.ETCD_TAG, v.COREDNS.version),
        needs=("node-tree", "node", "plane", "pause", "coredns", "storage"),
        code=("archive.py", "go_constants.py", "kind_source.py", "system.py", "trees.py"),
    ),
    Step(
        "node-image",
        "the node image",
        ("node.tar.zst",),
        node.image,
        (v.KIND, v.KUBERNETES),
        needs=("node-tree", "node", "containerd", "cni", "system-images"),
        sources=("pod-network.yaml", "kubelet-cgroup-v1.yaml"),
        code=("archive.py", "go_constants.py", "kind_source.py", "node.py", "trees.py"),
    ),
    Step(
        "python-image",
        "the base image with Python",
        ("python.tar.zst",),
        bases.python,
        (v.PYTHON,),
        needs=("debian",),
        code=("archive.py", "bases.py", "node.py", "trees.py"),
    ),
    Step(
        "metrics-image",
        "metrics-server's image",
        ("metrics-server.tar.zst",),
        metrics.image,
        needs=("metrics-server",),
        code=("archive.py", "metrics.py", "node.py", "system.py"),
    ),
)
