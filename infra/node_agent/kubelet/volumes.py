"""Volumes of a pod as folders, and the replacement of a manifest's mount paths by these folders.

There is no mount namespace: `/etc/settings` cannot exist for one process alone. The mount paths in commands, arguments and
variables of a container are therefore replaced by the path of the volume's folder.
"""

from __future__ import annotations

import base64
import os
import re
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path

from node_agent.api import Api, ApiError
from node_agent.kubelet import fields

READABLE = 0o644


class NotYet(Exception):
    """An object that a volume refers to is missing; the text is a kubelet's message."""


class Volumes:
    """The volumes of one pod, below `folder`."""

    def __init__(self, api: Api, folder: Path, pod: dict) -> None:
        self._api, self._folder, self._pod = api, folder, pod
        self.changes = False  # whether their content can change while the pod runs

    async def make(self, pod: dict) -> None:
        """Create missing volumes, and update the content of all.

        Args:
            pod: the current manifest.

        Raises:
            NotYet: an object that they refer to is missing, or a kind is not supported.
        """
        self._pod = pod
        for volume in self._pod["spec"].get("volumes") or []:
            kind = next(key for key in volume if key != "name")
            if kind not in MAKERS:
                raise NotYet(
                    f'volume "{volume["name"]}" is of the kind {kind}, which nodes without Docker do not have; '
                    "they have emptyDir, configMap, secret, downwardAPI, projected and hostPath"
                )
            await MAKERS[kind](self, volume["name"], volume[kind])

    def path(self, name: str) -> Path:
        """Return the folder of a volume."""
        for volume in self._pod["spec"].get("volumes") or []:
            if volume["name"] == name and "hostPath" in volume:
                return Path(volume["hostPath"]["path"])
        return self._folder / name

    def replaced(self, container: dict) -> Callable[[str], str]:
        """Return a function that replaces this container's mount paths by folders."""
        places = {}
        for mount in container.get("volumeMounts") or []:
            places[mount["mountPath"].rstrip("/")] = str(self.path(mount["name"]) / mount.get("subPath", ""))
        if not places:
            return lambda text: text
        longest_first = "|".join(re.escape(place) for place in sorted(places, key=len, reverse=True))
        pattern = re.compile(rf"(?<![\w./-])({longest_first})(?![\w.-])")
        return lambda text: pattern.sub(lambda found: places[found[1]].rstrip("/"), text)

    async def _empty(self, name: str, source: dict) -> None:
        (self._folder / name).mkdir(parents=True, exist_ok=True)

    async def _host(self, name: str, source: dict) -> None:
        if source.get("type") in ("DirectoryOrCreate",):
            Path(source["path"]).mkdir(parents=True, exist_ok=True)
        elif not Path(source["path"]).exists():
            raise NotYet(f'hostPath type check failed: {source["path"]} is not there (volume "{name}")')

    async def _config(self, name: str, source: dict) -> None:
        files = await self._of_map("configmaps", source.get("name", ""), source)
        self._write(name, files, source.get("defaultMode", READABLE))

    async def _secret(self, name: str, source: dict) -> None:
        files = await self._of_map("secrets", source.get("secretName", ""), source)
        self._write(name, files, source.get("defaultMode", READABLE))

    async def _downward(self, name: str, source: dict) -> None:
        files = {item["path"]: self._field(item) for item in source.get("items") or []}
        self._write(name, files, source.get("defaultMode", READABLE))
        self.changes = True

    async def _projected(self, name: str, source: dict) -> None:
        files: dict[str, bytes] = {}
        for part in source.get("sources") or []:
            if "configMap" in part:
                files |= await self._of_map("configmaps", part["configMap"]["name"], part["configMap"])
            elif "secret" in part:
                files |= await self._of_map("secrets", part["secret"]["name"], part["secret"])
            elif "downwardAPI" in part:
                files |= {item["path"]: self._field(item) for item in part["downwardAPI"].get("items") or []}
            elif "serviceAccountToken" in part:
                files |= await self._token(name, part["serviceAccountToken"])
        self._write(name, files, source.get("defaultMode", READABLE))

    async def _of_map(self, kind: str, name: str, source: dict) -> dict[str, bytes]:
        self.changes = True
        namespace = self._pod["metadata"]["namespace"]
        try:
            found = await self._api.referenced(f"/api/v1/namespaces/{namespace}/{kind}/{name}")
        except ApiError as error:
            if error.status in (403, 404) and source.get("optional"):
                return {}
            raise NotYet(missing(kind, name, namespace, error)) from None
        held = _bytes_of(kind, found)
        if not source.get("items"):
            return held
        chosen = {item["path"]: held.get(item["key"]) for item in source["items"]}
        lost = [item["key"] for item in source["items"] if item["key"] not in held]
        if lost and not source.get("optional"):
            raise NotYet(f'references non-existent config key: {lost[0]} (in "{name}")')
        return {path: content for path, content in chosen.items() if content is not None}

    async def _token(self, volume: str, source: dict) -> dict[str, bytes]:
        path = source["path"]
        file = self._folder / volume / path
        if file.exists():  # valid for 24 hours or more, which is longer than a class
            return {path: file.read_bytes()}
        about = self._pod["metadata"]
        account = self._pod["spec"].get("serviceAccountName", "default")
        bound = {"apiVersion": "v1", "kind": "Pod", "name": about["name"], "uid": about["uid"]}
        spec = {
            "expirationSeconds": max(86_400, source.get("expirationSeconds", 3600)),
            "boundObjectRef": bound,
            "audiences": [source["audience"]] if source.get("audience") else [],
        }
        url = f"/api/v1/namespaces/{about['namespace']}/serviceaccounts/{account}/token"
        body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec}
        try:
            return {path: (await self._api.token(url, body))["status"]["token"].encode()}
        except ApiError as error:
            raise NotYet(f'failed to fetch token: serviceaccount "{account}": {error}') from None

    def _field(self, item: dict) -> bytes:
        if "fieldRef" in item:
            return fields.of_pod(self._pod, item["fieldRef"]["fieldPath"], {}).encode()
        reference = item["resourceFieldRef"]
        return fields.of_resources(self._pod, reference["containerName"], reference).encode()

    def _write(self, volume: str, files: dict[str, bytes], mode: int) -> None:
        folder = self._folder / volume
        folder.mkdir(parents=True, exist_ok=True)
        for path, content in files.items():
            file = folder / path
            if not file.exists() or file.read_bytes() != content:
                file.parent.mkdir(parents=True, exist_ok=True)
                fresh = file.with_name(f".{file.name}.new")
                fresh.write_bytes(content)
                fresh.chmod(mode)
                os.replace(fresh, file)
        for old in [old for old in folder.rglob("*") if old.is_file() and str(old.relative_to(folder)) not in files]:
            old.unlink(missing_ok=True)

    def remove(self) -> None:
        """Delete all volumes."""
        shutil.rmtree(self._folder, ignore_errors=True)


MAKERS: dict[str, Callable[[Volumes, str, dict], Awaitable[None]]] = {
    "emptyDir": Volumes._empty,
    "hostPath": Volumes._host,
    "configMap": Volumes._config,
    "secret": Volumes._secret,
    "downwardAPI": Volumes._downward,
    "projected": Volumes._projected,
}


def missing(kind: str, name: str, namespace: str, error: ApiError) -> str:
    """Return a kubelet's message about a missing config map or secret; see `Api.referenced` for the 403."""
    word = kind.removesuffix("s")
    return f'{word} "{name}" not found' if error.status in (403, 404) else f'{word} "{namespace}/{name}": {error}'


def _bytes_of(kind: str, found: dict) -> dict[str, bytes]:
    data = found.get("data") or {}
    if kind == "secrets":
        return {key: base64.b64decode(value) for key, value in data.items()}
    binary = {key: base64.b64decode(value) for key, value in (found.get("binaryData") or {}).items()}
    return {key: value.encode() for key, value in data.items()} | binary
