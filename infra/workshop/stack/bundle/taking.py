"""`workshop up --bundle DIR`: fills the cache from a bundle; nothing is downloaded."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

from workshop.base.errors import WorkshopError
from workshop.base.files import locked
from workshop.base.settings import Settings
from workshop.base.timeline import Timeline
from workshop.stack.backends.choice import requested
from workshop.stack.brokers import jars, runtime
from workshop.stack.bundle import carried
from workshop.stack.toolchain import java


def take(settings: Settings, timeline: Timeline) -> Settings:
    """Fill the cache from the bundle in the settings; return the settings for a stack that uses it.

    Raises:
        WorkshopError: the bundle is incomplete or damaged, or is for another machine or version of the project.
    """
    try:
        return _take(settings, timeline)
    except carried.Refused as refused:
        raise WorkshopError(refused.happened, refused.next_step) from refused


def _take(settings: Settings, timeline: Timeline) -> Settings:
    if (backend := requested(settings)) and not backend.fits_in_a_bundle:
        raise WorkshopError(
            f"A bundle contains files for the backend local, not for {settings.backend}.",
            "Leave `--backend` and WORKSHOP_BACKEND out, or start without `--bundle`.",
        )
    bundle = carried.opened(settings.bundle)
    carried.must_fit(bundle, settings.root)
    size = sum(path.stat().st_size for name in bundle.within(carried.CACHE) if (path := bundle.folder / name).exists())
    alone = locked(settings.cache / "bundle.lock", 900, "copies a bundle into the cache", timeline.say)
    with alone, timeline.step(f"bundle {bundle.facts['revision']}, hashes checked", size) as progress:
        if carried.fill(bundle, settings.root, settings.cache, progress):
            _forget_a_record_that_does_not_fit(settings)
    kubernetes = settings.kubernetes and bundle.facts["kubernetes"]
    if settings.kubernetes and not kubernetes:
        timeline.say("The bundle has no Kubernetes: lessons on Kafka work, lessons on Kubernetes need another bundle.")
    # The backend is fixed: the choice of kind would query a container registry.
    return replace(settings, backend="local", kubernetes=kubernetes)


def _forget_a_record_that_does_not_fit(settings: Settings) -> None:
    """Delete the bundle's recorded first start if this Java rejects it, so that `up` records a new one.

    Java accepts a recording from another machine unless the machines differ too much.
    """
    libs = tuple(runtime.folder(settings) / "libs" / jar.name for jar in jars.pinned(settings))
    prepared = runtime.prepare(settings, java.find(settings), libs)
    with tempfile.TemporaryDirectory() as scratch:
        if prepared.aot_cache and not runtime.cache_fits(prepared, Path(scratch)):
            prepared.aot_cache.unlink()
