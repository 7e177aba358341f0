"""Access to `payments` in an existing cluster: the site's URL, or a forwarded port of this machine."""

from __future__ import annotations

import sys
from contextlib import suppress

from workshop.base.errors import WorkshopError
from workshop.base.external_site import Site
from workshop.base.processes import Component, Processes, kept_running
from workshop.base.settings import Settings
from workshop.base.waiting import wait_until
from workshop.stack.external import cluster_access
from workshop.stack.kubernetes import kubectl

NAME = "port-forward"


def component(settings: Settings, port: int) -> Component:
    """Return the component that runs `kubectl port-forward` to the Service.

    On Linux the supervisor restarts it, because it ends with the pod that it selected.
    """
    words = ("port-forward", "--address=127.0.0.1", "service/payments", f"{port}:8080")
    argv = (*kubectl.program(settings), *words)
    made = Component(NAME, argv, cluster_access.environment(settings), ports=(port,))
    return kept_running(made) if sys.platform == "linux" else made


def wait(settings: Settings, site: Site, address: str) -> None:
    """Wait until `payments` answers at this address.

    Raises:
        WorkshopError: `payments` does not answer; the next step names the address to ask for.
    """
    processes = Processes(settings.state)
    next_step = f"`workshop logs {NAME}` shows the reason; or ask for an address: WORKSHOP_PAYMENTS_URL."
    if site.payments_url:
        next_step = "Is WORKSHOP_PAYMENTS_URL what the site gave you?"
    wait_until(
        lambda: _answers(processes, site, address),
        settings.patience,
        f"payments to answer at {address}",
        every=0.3,
        next_step=next_step,
        detail=lambda: "" if site.payments_url else processes.tail(NAME, 5),
    )


def _answers(processes: Processes, site: Site, address: str) -> bool:
    import httpx

    if not site.payments_url and NAME not in processes.running():
        raise WorkshopError(
            "`kubectl port-forward` ended, and with it the way to payments.",
            "Ask for an address instead, an ingress or a NodePort: WORKSHOP_PAYMENTS_URL.",
            processes.tail(NAME, 5),
        )
    with suppress(httpx.HTTPError):
        return httpx.get(f"{address}/healthz", timeout=5, trust_env=False).status_code == 200
    return False
