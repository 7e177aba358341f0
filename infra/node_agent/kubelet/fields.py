"""Values for `fieldRef` and `resourceFieldRef`: fields of a pod, and resources of a container."""

from __future__ import annotations

import math
import os
import re

UNITS = {"": 1, "m": 0.001, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12} | {
    "Ki": 2**10,
    "Mi": 2**20,
    "Gi": 2**30,
    "Ti": 2**40,
}


def quantity(text: str | float) -> float:
    """Return a quantity as a number: 0.5 for `500m`, 67108864 for `64Mi`, 0 for an invalid text."""
    found = re.fullmatch(r"([0-9.]+(?:e[0-9]+)?)([a-zA-Z]*)", str(text))
    return float(found[1]) * UNITS[found[2]] if found and found[2] in UNITS else 0.0


def of_pod(pod: dict, path: str, seen_here: dict[str, str]) -> str:
    """Return the field of a pod at a path such as `metadata.labels['app']`.

    Args:
        seen_here: values by path that differ inside the pod, such as the address at which it listens.
    """
    if path in seen_here:
        return seen_here[path]
    if found := re.fullmatch(r"metadata\.(labels|annotations)\['(.+)'\]", path):
        return (pod["metadata"].get(found[1]) or {}).get(found[2], "")
    if path in ("metadata.labels", "metadata.annotations"):
        held = pod["metadata"].get(path.rpartition(".")[2]) or {}
        return "\n".join(f'{key}="{value}"' for key, value in sorted(held.items()))
    value: object = pod
    for part in path.split("."):
        value = value.get(part, "") if isinstance(value, dict) else ""
    return str(value)


def of_resources(pod: dict, container: str, reference: dict) -> str:
    """Return a limit or request in units of the divisor; without one, the machine's capacity."""
    everyone = [*pod["spec"].get("containers", []), *(pod["spec"].get("initContainers") or [])]
    chosen: dict = next((one for one in everyone if one["name"] == container), {})
    which, _, resource = reference["resource"].partition(".")
    resources = chosen.get("resources") or {}
    value = (resources.get(which) or {}).get(resource) or (resources.get("requests") or {}).get(resource)
    amount = quantity(value) if value else _machine(resource)
    divisor = quantity(reference.get("divisor") or "1") or 1
    return str(math.ceil(amount / divisor))


def _machine(resource: str) -> float:
    if resource == "cpu":
        return os.cpu_count() or 1
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") if resource == "memory" else 0
