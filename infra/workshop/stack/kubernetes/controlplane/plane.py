"""The control plane as a component: settings and flags, start, and first objects."""

from __future__ import annotations

import base64
import http.client
import json
import ssl
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

import yaml
from node_agent.proxy import egress

from workshop.base.addresses import Addresses
from workshop.base.diagnosis import OF_SERVERS, Diagnosis, diagnose
from workshop.base.errors import WorkshopError
from workshop.base.files import write_atomically
from workshop.base.processes import Component, Processes
from workshop.base.readiness import wait_for
from workshop.base.settings import NODES, Ports, Settings
from workshop.base.waiting import nobody
from workshop.stack.kubernetes import kubectl
from workshop.stack.kubernetes.controlplane import build, certificates

NAME = "control-plane"
SLACK = 0.15  # timer slack in seconds: changes arrive as events, timers serve only periodic work
WORKERS = tuple(f"worker-{number}" for number in NODES)
METRICS_READER = "infra/deploy/kubernetes/metrics-server/metrics-server.yaml"


class ControlPlane:
    """The control plane of one state folder."""

    def __init__(self, settings: Settings, ports: Ports) -> None:
        self.settings, self.ports = settings, ports
        self.addresses = Addresses(ports.first)
        self.folder = settings.state / "kubernetes"
        self.pki = self.folder / "pki"
        self.server = f"https://127.0.0.1:{ports.api}"

    def component(self) -> Component:
        """Write all files that the control plane reads, and return its component."""
        certificates.make(self.pki, WORKERS, self.addresses)
        certificates.kubeconfig(self.settings.kubeconfig, self.pki, "admin", self.server)
        for user in ("controller-manager", "scheduler"):
            certificates.kubeconfig(Path(self._kubeconfig(user)), self.pki, user, self.server)
        write_atomically(self.folder / "etcd.yaml", json.dumps(self._etcd(), indent=1))
        write_atomically(self.folder / "egress.yaml", json.dumps(_egress(), indent=1))
        write_atomically(self.folder / "control-plane.json", json.dumps(self._settings(), indent=1))
        (self.folder / "etcd").mkdir(mode=0o700, exist_ok=True)
        program = build.find(self.settings)
        if program is None:
            raise WorkshopError("The control plane is not built.", "`workshop up` builds it in the background.")
        argv = (str(program), str(self.folder / "control-plane.json"))
        env = {"PATH": "/usr/bin:/bin", "HOME": str(self.folder)}
        ports = (self.ports.api, self.ports.etcd, self.ports.etcd_peer)
        return Component(NAME, argv, env, cwd=self.folder, ports=ports, grace=15, slack=SLACK)

    def wait(self, tell: Callable[[str], None] = nobody) -> None:
        """Wait until the API server reports that it is ready.

        Raises:
            WorkshopError: it ended or is not ready in time; the error has the end of its log and the likely cause.
        """
        processes = Processes(self.settings.state)

        def ready() -> bool:
            if not processes.lives(NAME) and NAME not in processes.running():
                log = processes.tail(NAME, 60)
                raise WorkshopError(
                    "The control plane ended. The end of its log:", diagnose(log, ENDED).advice, _last_lines(log)
                )
            return self._is_ready()

        wait_for(
            processes,
            NAME,
            ready,
            self.settings.patience,
            title="the Kubernetes API",
            tell=tell,
            next_step=f"`workshop logs {NAME}` shows more; `workshop up` goes on.",
            detail=lambda: (
                f"{_last_lines(processes.tail(NAME, 60))}\n{diagnose(processes.tail(NAME, 60), ENDED).advice}"
            ),
        )

    def _is_ready(self) -> bool:
        context = ssl.create_default_context(cafile=self._file("ca.crt"))
        context.load_cert_chain(self._file("admin.crt"), self._file("admin.key"))
        connection = http.client.HTTPSConnection("127.0.0.1", self.ports.api, timeout=5, context=context)
        with closing(connection), suppress(OSError, http.client.HTTPException):
            connection.request("GET", "/readyz")
            return connection.getresponse().status == http.HTTPStatus.OK
        return False

    def first_objects(self) -> None:
        """Create the namespace, the API server's right to read logs from nodes, and the metrics API.

        Existing objects are kept.
        """
        kubectl.apply(self.settings, [*self._objects(), *self._metrics()])

    def _objects(self) -> list[dict]:
        role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "system:kubelet-api-admin"}
        user = {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "kube-apiserver-kubelet-client"}
        binding = {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": "workshop-apiserver-asks-nodes"},
            "roleRef": role,
            "subjects": [user],
        }
        return [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": kubectl.NAMESPACE}}, binding]

    def _metrics(self) -> list[dict]:
        manifests = yaml.safe_load_all((self.settings.root / METRICS_READER).read_text())
        reader = next(one for one in manifests if one["metadata"]["name"] == "workshop-metrics-reader")
        service = {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "node-agent-metrics", "namespace": "kube-system"},
            "spec": {"type": "ExternalName", "externalName": "localhost"},
        }
        spec = {
            "group": "metrics.k8s.io",
            "version": "v1beta1",
            "groupPriorityMinimum": 100,
            "versionPriority": 100,
            "caBundle": base64.b64encode((self.pki / "ca.crt").read_bytes()).decode(),
            "service": {"name": "node-agent-metrics", "namespace": "kube-system", "port": self.ports.metrics},
        }
        about = {"name": "v1beta1.metrics.k8s.io"}
        api = {"apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService", "metadata": about, "spec": spec}
        return [reader, service, api]

    def _file(self, name: str) -> str:
        return str(self.pki / name)

    def _kubeconfig(self, user: str) -> str:
        return str(self.folder / f"{user}.kubeconfig")

    def _settings(self) -> dict:
        return {
            "Etcd": str(self.folder / "etcd.yaml"),
            "APIServer": self._api_server(),
            "Controllers": self._controllers(),
            "Scheduler": self._scheduler(),
            "Kubeconfig": self._kubeconfig("controller-manager"),
        }

    def _etcd(self) -> dict:
        client, peer = f"https://127.0.0.1:{self.ports.etcd}", f"https://127.0.0.1:{self.ports.etcd_peer}"
        tls = {
            "cert-file": self._file("etcd-server.crt"),
            "key-file": self._file("etcd-server.key"),
            "trusted-ca-file": self._file("etcd-ca.crt"),
            "client-cert-auth": True,
        }
        return {
            "name": "workshop",
            "data-dir": str(self.folder / "etcd"),
            "listen-client-urls": client,
            "advertise-client-urls": client,
            "listen-peer-urls": peer,
            "initial-advertise-peer-urls": peer,
            "initial-cluster": f"workshop={peer}",
            "client-transport-security": tls,
            "peer-transport-security": tls,
            "unsafe-no-fsync": True,  # acceptable in a classroom: a power failure may lose the last seconds
            # A single member needs no frequent heartbeats: its timer runs half as often as by default. It commits to the
            # database once per second; until then, changes are in the write-ahead log.
            "heartbeat-interval": 200,
            "election-timeout": 1_000,
            "backend-batch-interval": 1_000_000_000,  # ns
            "auto-compaction-mode": "periodic",
            "auto-compaction-retention": "10m",
            "quota-backend-bytes": 512 << 20,
            "log-level": "warn",
            "logger": "zap",
        }

    def _api_server(self) -> list[str]:
        return _flags(
            advertise_address="127.0.0.1",
            bind_address="127.0.0.1",
            endpoint_reconciler_type="none",
            secure_port=self.ports.api,
            etcd_servers=f"https://127.0.0.1:{self.ports.etcd}",
            etcd_cafile=self._file("etcd-ca.crt"),
            etcd_certfile=self._file("apiserver-etcd-client.crt"),
            etcd_keyfile=self._file("apiserver-etcd-client.key"),
            tls_cert_file=self._file("apiserver.crt"),
            tls_private_key_file=self._file("apiserver.key"),
            client_ca_file=self._file("ca.crt"),
            egress_selector_config_file=str(self.folder / "egress.yaml"),
            allow_privileged="true",  # as on kind; on these nodes users and capabilities have no effect
            anonymous_auth="false",
            authorization_mode="Node,RBAC",
            enable_admission_plugins="NodeRestriction",
            service_account_issuer="https://kubernetes.default.svc",
            service_account_key_file=self._file("sa.pub"),
            service_account_signing_key_file=self._file("sa.key"),
            service_cluster_ip_range=self.addresses.services,
            kubelet_certificate_authority=self._file("ca.crt"),
            kubelet_client_certificate=self._file("apiserver-kubelet-client.crt"),
            kubelet_client_key=self._file("apiserver-kubelet-client.key"),
            kubelet_preferred_address_types="InternalIP",
            requestheader_client_ca_file=self._file("front-proxy-ca.crt"),
            requestheader_allowed_names="front-proxy-client",
            requestheader_username_headers="X-Remote-User",
            requestheader_group_headers="X-Remote-Group",
            requestheader_extra_headers_prefix="X-Remote-Extra-",
            proxy_client_cert_file=self._file("front-proxy-client.crt"),
            proxy_client_key_file=self._file("front-proxy-client.key"),
            default_unreachable_toleration_seconds=5,
            default_not_ready_toleration_seconds=5,
            event_ttl="2h",
            watch_cache="false",  # sixty caches would each wake up once per second, although etcd is in this process
            profiling="false",
        )

    def _controllers(self) -> list[str]:
        return _flags(
            kubeconfig=self._kubeconfig("controller-manager"),
            authentication_kubeconfig=self._kubeconfig("controller-manager"),
            authorization_kubeconfig=self._kubeconfig("controller-manager"),
            use_service_account_credentials="true",
            service_account_private_key_file=self._file("sa.key"),
            root_ca_file=self._file("ca.crt"),
            allocate_node_cidrs="false",
            # Each controller requests its own service account at its start; at the default 20 requests/s, this takes 5 s.
            kube_api_qps=200,
            kube_api_burst=400,
            leader_elect="false",
            secure_port=0,
            horizontal_pod_autoscaler_sync_period="5s",
            node_monitor_grace_period="8s",
            node_monitor_period="1s",
            profiling="false",
        )

    def _scheduler(self) -> list[str]:
        file = self._kubeconfig("scheduler")
        return _flags(
            kubeconfig=file,
            authentication_kubeconfig=file,
            authorization_kubeconfig=file,
            leader_elect="false",
            secure_port=0,
            profiling="false",
        )


def _egress() -> dict:
    """Return the API server's route to pods, Services and nodes: through the node agent."""
    connection = {"proxyProtocol": "HTTPConnect", "transport": {"uds": {"udsName": egress.SOCKET}}}
    return {
        "apiVersion": "apiserver.k8s.io/v1beta1",
        "kind": "EgressSelectorConfiguration",
        "egressSelections": [{"name": "cluster", "connection": connection}],
    }


def _flags(**flags: str | int) -> list[str]:
    return [f"--{name.replace('_', '-')}={value}" for name, value in flags.items()]


def _last_lines(log: str) -> str:
    return "\n".join(line[:300] for line in log.splitlines()[-6:])


# Texts in the log of a control plane that ended.
ENDED = (
    *OF_SERVERS,
    Diagnosis(
        "panic: failed to recover|invalid database|checksum mismatch|file size too small",
        "Its data are damaged.",
        "Run `workshop reset`, then `workshop up`, which starts with empty ones.",
    ),
    Diagnosis(
        "",
        "",
        f"`workshop logs {NAME}` shows all of it; `workshop up` starts it again, `workshop reset` with empty data.",
    ),
)
