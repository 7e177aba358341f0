"""Services as pure data: their listening addresses, their endpoints, and their variables; no I/O."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from node_agent.model import Config

Address = tuple[str, int]
Key = tuple[str, str, str]  # namespace, name, name of the port

API_SERVER = ("default", "kubernetes")  # has its own address, which pods get in variables of the node


def key_of(thing: dict) -> tuple[str, str]:
    """Return namespace and name of an object."""
    return thing["metadata"]["namespace"], thing["metadata"]["name"]


def owner_of(endpoint_slice: dict) -> tuple[str, str]:
    """Return namespace and name of an EndpointSlice's Service; the name is empty if it has no Service."""
    meta = endpoint_slice["metadata"]
    return meta["namespace"], (meta.get("labels") or {}).get("kubernetes.io/service-name", "")


def listeners(config: Config, services: Iterable[dict]) -> dict[Address, Key]:
    """Return the listening addresses, each with its port of a Service."""
    wanted: dict[Address, Key] = {}
    for service in services:
        for port in _tcp_ports(service):
            key = (*key_of(service), port.get("name", ""))
            wanted[config.to_loopback(service["spec"]["clusterIP"]), port["port"]] = key
            if node_port := port.get("nodePort"):
                wanted |= {(config.node_address(node), node_port): key for node in config.nodes}
                wanted |= {("127.0.0.1", here): key for here, there in config.host_ports.items() if there == node_port}
    return wanted


def endpoints(config: Config, slices: Iterable[dict]) -> dict[str, list[Address]]:
    """Return the ready endpoints of each named port of a Service, or else the terminating ones."""
    ready: dict[str, set[Address]] = {}
    leaving: dict[str, set[Address]] = {}
    for one in slices:
        for endpoint in (one.get("endpoints") or []) if one.get("addressType", "IPv4") == "IPv4" else []:
            found = ready if _is_ready(endpoint) else leaving if _still_serves(endpoint) else None
            if found is None:
                continue
            for port in one.get("ports") or []:
                if port.get("port") and port.get("protocol", "TCP") == "TCP":
                    addresses = {(config.to_loopback(ip), port["port"]) for ip in endpoint["addresses"]}
                    found.setdefault(port.get("name") or "", set()).update(addresses)
    return {name: sorted(ready.get(name) or leaving[name]) for name in ready.keys() | leaving.keys()}


def not_done(service: dict) -> Iterator[str]:
    """Yield a message for each requested feature of a Service that is not supported."""
    namespace, name = key_of(service)
    spec = service["spec"]
    for port in spec.get("ports") or []:
        if (protocol := port.get("protocol", "TCP")) != "TCP":
            yield f"Service {namespace}/{name}: port {port['port']} is {protocol}; only TCP is balanced here."
    if spec.get("sessionAffinity", "None") != "None":
        yield f"Service {namespace}/{name}: sessionAffinity is not done here; each connection goes to the next pod."
    if "Local" in (spec.get("externalTrafficPolicy"), spec.get("internalTrafficPolicy")):
        yield f"Service {namespace}/{name}: a traffic policy `Local` is not done here; the pods of all nodes answer."


def variables(config: Config, services: Iterable[dict]) -> dict[str, str]:
    """Return the variables with the addresses of Services, named as in a kubelet."""
    env: dict[str, str] = {}
    for service in services:
        if not _has_address(service) or not service["spec"].get("ports"):
            continue
        prefix, ports = _variable(service["metadata"]["name"]), service["spec"]["ports"]
        host = config.to_loopback(service["spec"]["clusterIP"])
        env |= {f"{prefix}_SERVICE_HOST": host, f"{prefix}_SERVICE_PORT": str(ports[0]["port"])}
        env |= {f"{prefix}_SERVICE_PORT_{_variable(p['name'])}": str(p["port"]) for p in ports if p.get("name")}
        env[f"{prefix}_PORT"] = _link(host, ports[0])
        for port in ports:
            env |= _of_port(prefix, host, port)
    return env


def _of_port(prefix: str, host: str, port: dict) -> dict[str, str]:
    protocol, number = port.get("protocol", "TCP"), str(port["port"])
    name = f"{prefix}_PORT_{number}_{protocol}"
    return {
        name: _link(host, port),
        f"{name}_PROTO": protocol.lower(),
        f"{name}_PORT": number,
        f"{name}_ADDR": host,
    }


def _link(host: str, port: dict) -> str:
    return f"{port.get('protocol', 'TCP').lower()}://{host}:{port['port']}"


def _variable(name: str) -> str:
    return name.upper().replace("-", "_")


def _has_address(service: dict) -> bool:
    return key_of(service) != API_SERVER and service["spec"].get("clusterIP") not in (None, "", "None")


def _tcp_ports(service: dict) -> list[dict]:
    ports = service["spec"].get("ports") or []
    return [port for port in ports if port.get("protocol", "TCP") == "TCP"] if _has_address(service) else []


def _is_ready(endpoint: dict) -> bool:
    return (endpoint.get("conditions") or {}).get("ready") is not False


def _still_serves(endpoint: dict) -> bool:
    conditions = endpoint.get("conditions") or {}
    return bool(conditions.get("terminating")) and conditions.get("serving") is not False
