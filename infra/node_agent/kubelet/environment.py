"""Environment variables of a container, and the expansion of `$(NAME)` in its command."""

from __future__ import annotations

import base64
import re
from collections.abc import Awaitable, Callable, Mapping

from node_agent.api import Api, ApiError
from node_agent.kubelet import fields
from node_agent.kubelet.volumes import missing


class ConfigError(Exception):
    """An object or key that a variable refers to is missing; the text is a kubelet's message."""


class Sources:
    """Config maps and secrets of a pod's namespace, each read once."""

    def __init__(self, api: Api, namespace: str) -> None:
        self._api, self._namespace = api, namespace
        self._read: dict[tuple[str, str], dict[str, str] | None] = {}

    async def data(self, kind: str, name: str, *, optional: bool) -> dict[str, str]:
        """Return the values of a config map or secret, by key.

        Raises:
            ConfigError: it is missing, and not optional.
        """
        if (kind, name) not in self._read:
            try:
                found = await self._api.referenced(f"/api/v1/namespaces/{self._namespace}/{kind}/{name}")
                self._read[kind, name] = _texts(kind, found.get("data") or {})
            except ApiError as error:
                if not optional:
                    raise ConfigError(missing(kind, name, self._namespace, error)) from None
                self._read[kind, name] = None
        return self._read[kind, name] or {}

    async def value(self, kind: str, reference: dict) -> str | None:
        """Return one value, or None if it is missing and optional."""
        optional = bool(reference.get("optional"))
        held = await self.data(kind, reference["name"], optional=optional)
        if reference["key"] in held or optional:
            return held.get(reference["key"])
        word = {"configmaps": "ConfigMap", "secrets": "Secret"}[kind]
        raise ConfigError(f"couldn't find key {reference['key']} in {word} {self._namespace}/{reference['name']}")


async def build(
    api: Api, pod: dict, container: dict, base: Mapping[str, str], seen_here: dict[str, str]
) -> dict[str, str]:
    """Return all variables of a container.

    Args:
        base: the variables of the image and of the Services, which the manifest can override.
        seen_here: see `fields.of_pod`.

    Raises:
        ConfigError: an object or key that a variable refers to is missing.
    """
    sources = Sources(api, pod["metadata"]["namespace"])
    env = dict(base)
    for source in container.get("envFrom") or []:
        kind, reference = _of_source(source)
        held = await sources.data(kind, reference["name"], optional=bool(reference.get("optional")))
        env |= {source.get("prefix", "") + key: value for key, value in held.items()}
    for variable in container.get("env") or []:
        value = await _value(sources, pod, container, variable, seen_here)
        if value is not None:
            env[variable["name"]] = expanded(value, env) if "value" in variable else value
    return env


async def _value(sources: Sources, pod: dict, container: dict, variable: dict, seen_here: dict[str, str]) -> str | None:
    source = variable.get("valueFrom")
    if source is None:
        return variable.get("value", "")
    readers: dict[str, Callable[[dict], Awaitable[str | None]]] = {
        "configMapKeyRef": lambda reference: sources.value("configmaps", reference),
        "secretKeyRef": lambda reference: sources.value("secrets", reference),
    }
    kind = next(iter(source))
    if kind in readers:
        return await readers[kind](source[kind])
    if kind == "fieldRef":
        return fields.of_pod(pod, source[kind]["fieldPath"], seen_here)
    if kind == "resourceFieldRef":
        return fields.of_resources(pod, source[kind].get("containerName") or container["name"], source[kind])
    raise ConfigError(f"variable {variable['name']}: {kind} is not supported on nodes without Docker")


def expanded(text: str, env: Mapping[str, str]) -> str:
    """Replace `$(NAME)` by the variable; an unknown name stays, and `$$(NAME)` becomes `$(NAME)`."""
    return re.sub(r"\$\$|\$\(([^)]+)\)", lambda found: _one(found, env), text)


def _one(found: re.Match, env: Mapping[str, str]) -> str:
    if found[0] == "$$":
        return "$"
    return env.get(found[1], found[0])


def _of_source(source: dict) -> tuple[str, dict]:
    if "configMapRef" in source:
        return "configmaps", source["configMapRef"]
    return "secrets", source["secretRef"]


def _texts(kind: str, data: dict[str, str]) -> dict[str, str]:
    if kind == "secrets":
        return {key: base64.b64decode(value).decode(errors="replace") for key, value in data.items()}
    return data
