"""The cluster's images: node, base, Kafka and services; built once per state of their sources."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from workshop.base.environment import only, variable
from workshop.base.errors import WorkshopError
from workshop.base.files import locked
from workshop.base.settings import BASE_IMAGE, NODE_IMAGE, NODES, Settings
from workshop.base.timeline import Timeline
from workshop.base.waiting import Seen, nobody, over, wait_while_progressing
from workshop.stack.brokers import runtime
from workshop.stack.kubernetes.deploy import program_files
from workshop.stack.kubernetes.kind import engine
from workshop.stack.kubernetes.kind.offline import Offline, find
from workshop.stack.kubernetes.restart_on_change import digest
from workshop.stack.toolchain import java

KAFKA, SERVICES = "workshop/kafka:1", "workshop/services:1"
METRICS_SERVER = "registry.k8s.io/metrics-server/metrics-server:v0.9.0"
SOURCES = "workshop.sources"  # label with the digest of an image's sources
SCRIPTS = ("run-broker.sh", "control-broker.sh", "train-broker.sh")
KAFKA_FILES = ("Dockerfile", *SCRIPTS, "broker.properties", "log4j2.properties")
BUILD_TIMEOUT = 900.0


def node_image(settings: Settings) -> str:
    """Return the node image to use: the configured one, the pinned one, or one that was built locally."""
    if settings.node_image:
        return settings.node_image
    offline = find(settings)
    return offline.node_image if offline and not engine.image_id(NODE_IMAGE) else NODE_IMAGE


def can_be_had(settings: Settings) -> str:
    """Return an empty string if the node image exists or is available, otherwise the reason."""
    image = node_image(settings)
    if engine.image_id(image) or _archive(settings, image):
        return ""
    try:
        engine.docker("manifest", "inspect", _mirrored(settings, image), timeout=20)
    except WorkshopError:
        return f"the node image {image.split('@')[0]} is not there, and no registry that has it is reached"
    return ""


def bring_node_image(settings: Settings) -> str:
    """Load or pull the node image into the engine; return its name.

    Raises:
        WorkshopError: neither an archive nor a registry provides it; the next step has the command that helps.
    """
    image = node_image(settings)
    if not engine.image_id(image):
        if archive := _archive(settings, image):
            engine.load(archive)
        else:
            _pull(settings, image)
    if not engine.image_id(image):
        raise WorkshopError(f"The archive does not contain {image}.", "Set WORKSHOP_NODE_IMAGE to the image in it.")
    return image


def base_image(settings: Settings) -> str:
    """Provide the base of our images in the engine; return its name."""
    if settings.base_image or engine.image_id(BASE_IMAGE):
        return settings.base_image or BASE_IMAGE
    if offline := find(settings):
        if not engine.image_id(offline.python_image):
            engine.load(offline.python_archive)
        return offline.python_image
    _pull(settings, BASE_IMAGE)
    return BASE_IMAGE


def build(settings: Settings, timeline: Timeline) -> None:
    """Build the images of Kafka and of the services, unless the engine has them from the current sources."""
    with locked(settings.cache / "images.lock", 1800, "builds images", timeline.say):
        base = base_image(settings)
        _build_kafka(settings, timeline, base)
        _build_services(settings, timeline, base)


def kafka_sources() -> str:
    """Return the digest of the sources of Kafka's image; empty if there is no image."""
    return engine.image_label(KAFKA, SOURCES)


def bring_metrics_server(settings: Settings) -> bool:
    """Load metrics-server's image if it was built locally; return whether the engine has it."""
    if not engine.image_id(METRICS_SERVER) and (offline := find(settings)):
        engine.load(offline.metrics_archive)
    return bool(engine.image_id(METRICS_SERVER))


def bring_what_nodes_pull(settings: Settings) -> None:
    """Provide metrics-server's image in the engine, so that no node pulls it from a registry.

    Raises:
        WorkshopError: the image cannot be pulled.
    """
    if not bring_metrics_server(settings):
        _pull(settings, METRICS_SERVER)


def sizes(settings: Settings) -> dict[str, int]:
    """Return the size in bytes of each image of a cluster that the engine has."""
    found = {}
    for image in (node_image(settings), settings.base_image or BASE_IMAGE, KAFKA, SERVICES, METRICS_SERVER):
        if engine.image_id(image):
            found[image] = int(engine.docker("image", "inspect", "--format", "{{.Size}}", image, timeout=30))
    return found


def into_nodes(cluster: str, images: Sequence[str], patience: float, tell: Callable[[str], None] = nobody) -> None:
    """Load images into the workers in parallel, except those that a worker has.

    Args:
        patience: seconds that may pass without progress while a node's containerd starts.
    """
    workers = [f"{cluster}-worker{node if node > 1 else ''}" for node in NODES]
    with ThreadPoolExecutor(len(workers)) as pool:
        missing = dict(
            zip(workers, pool.map(lambda node: _missing(node, images, patience, tell), workers), strict=True)
        )
    wanted = sorted({image for lacking in missing.values() for image in lacking})
    if not wanted:
        return
    with tempfile.TemporaryDirectory() as scratch:
        archive = Path(scratch) / "images.tar"
        engine.docker("save", "--output", str(archive), *wanted, timeout=600)
        _import([name for name, lacking in missing.items() if lacking], archive)


def _import(nodes: Iterable[str], archive: Path) -> None:
    command = ["ctr", "--namespace=k8s.io", "images", "import", "--all-platforms", "--digests", "--local", "-"]
    running = []
    for node in nodes:
        with archive.open("rb") as data:
            running.append(
                subprocess.Popen(
                    ["docker", "exec", "-i", node, *command],
                    stdin=data,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                )
            )
    said = [process.communicate(timeout=600)[0].decode(errors="replace") for process in running]
    for process, text in zip(running, said, strict=True):
        if process.returncode:
            end = "\n".join(text.splitlines()[-5:])
            raise WorkshopError("An image could not be brought into a node.", "`workshop doctor` looks at Docker.", end)


def _missing(node: str, images: Sequence[str], patience: float, tell: Callable[[str], None]) -> list[str]:
    """Return the images that a node's containerd lacks.

    containerd lists each image by its name and by the engine's id of it.
    """
    answered = wait_while_progressing(lambda: _look_into(node), patience, every=0.5, tell=tell)
    held = set(answered.split())
    return [image for image in images if engine.image_id(image) not in held or _full_name(image) not in held]


def _look_into(node: str) -> Seen[str]:
    """Return the images that a node's containerd lists, or what is missing while it starts.

    The list is never empty, as the node image contains images.
    """
    try:
        return over(engine.docker("exec", node, "ctr", "--namespace=k8s.io", "images", "list", "--quiet"))
    except WorkshopError as error:
        said = (error.detail or error.happened).splitlines()[-1]
        return Seen(f"the containerd of {node} to answer", said)


def _full_name(image: str) -> str:
    return f"docker.io/{image}" if image.startswith("workshop/") else image


def _build_kafka(settings: Settings, timeline: Timeline, base: str) -> None:
    found = java.find(settings)
    libs = runtime.fetch_jars(settings, lambda amount: None)
    folder = settings.root / "infra/deploy/kafka"
    sources = digest(base, engine.image_id(base), *found.flags, found.version, folder / "jars.lock",
                      *(folder / name for name in KAFKA_FILES))  # fmt: skip
    if engine.image_label(KAFKA, SOURCES) == sources:
        return
    with timeline.step("Kafka's image, once"), tempfile.TemporaryDirectory(dir=_scratch(settings)) as context:
        for name in KAFKA_FILES:
            shutil.copy2(folder / name, context)
        shutil.copytree(found.path.parents[1], Path(context) / "java", symlinks=True)
        (Path(context) / "libs").mkdir()
        for jar in libs:
            _link(jar, Path(context) / "libs" / jar.name)
        _docker_build(KAFKA, Path(context), Path("Dockerfile"), base, sources, JAVA_FLAGS=" ".join(found.flags))


def _build_services(settings: Settings, timeline: Timeline, base: str) -> None:
    infra, dockerfile = settings.root / "infra", Path("services/Dockerfile")
    files = [*program_files(settings), infra / dockerfile]
    sources = digest(base, engine.image_id(base), *files)
    if engine.image_label(SERVICES, SOURCES) == sources:
        return
    index = only("PIP_INDEX_URL", "https_proxy", "HTTPS_PROXY")
    with timeline.step("the services' image, once"), tempfile.TemporaryDirectory(dir=_scratch(settings)) as context:
        for file in files:
            target = Path(context) / file.relative_to(infra)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(file, target)
        if certificates := variable("SSL_CERT_FILE", variable("PIP_CERT")):
            shutil.copy2(certificates, Path(context) / "services/certificates.pem")
        _docker_build(SERVICES, Path(context), dockerfile, base, sources, **index)


def _docker_build(tag: str, context: Path, dockerfile: Path, base: str, sources: str, **arguments: str) -> None:
    given = {"BASE_IMAGE": base, **arguments}
    words = [word for name, value in given.items() for word in ("--build-arg", f"{name}={value}")]
    labels = ["--label", f"{SOURCES}={sources}"]
    words += ["--network", "host", *labels, "--tag", tag, "--file", str(context / dockerfile), str(context)]
    try:
        engine.docker("build", *words, timeout=BUILD_TIMEOUT)
    except WorkshopError as error:
        next_step = engine.FULL.advice if engine.disk_is_full() else error.next_step
        raise WorkshopError(f"The image {tag} could not be built.", next_step, error.detail) from error


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def _scratch(settings: Settings) -> Path:
    folder = settings.cache / "tmp"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _archive(settings: Settings, image: str) -> Path | None:
    if settings.node_archive:
        return settings.node_archive
    offline: Offline | None = find(settings)
    return offline.node_archive if offline and offline.node_image == image else None


def _mirrored(settings: Settings, image: str) -> str:
    if not settings.registry_mirror:
        return image
    return f"{settings.registry_mirror}/{image if '/' in image else f'library/{image}'}"


def _pull(settings: Settings, image: str) -> None:
    from_where = _mirrored(settings, image)
    try:
        engine.docker("pull", "--quiet", from_where, timeout=1800)
        if from_where != image:
            engine.docker("tag", from_where, image.split("@")[0])
    except WorkshopError as error:
        raise WorkshopError(
            f"The image {image.split('@')[0]} could not be pulled.", error.next_step, error.detail
        ) from error
