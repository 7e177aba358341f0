"""Access to an existing Kubernetes: a kubeconfig with the participant's namespace, and its check."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

from workshop.base.diagnosis import Diagnosis, diagnose
from workshop.base.environment import inherited
from workshop.base.errors import WorkshopError
from workshop.base.external_site import Site
from workshop.base.files import write_atomically
from workshop.base.settings import Settings

if TYPE_CHECKING:
    from kubernetes.client import ApiClient, ApiException

UNREADABLE = "Name the one that you were given, and try it: kubectl --kubeconfig=FILE get pods"


def write_kubeconfig(settings: Settings, site: Site) -> None:
    """Write this stack's kubeconfig: the site's current context, with the participant's namespace.

    Raises:
        WorkshopError: the site's kubeconfig cannot be read, or has no current context.
    """
    program = str(settings.python_bin / "kubectl")
    words = ("config", "view", "--raw", "--minify", "--flatten", "-o", "json", f"--kubeconfig={site.kubeconfig}")
    done = subprocess.run([program, *words], capture_output=True, text=True, timeout=60, check=False)
    if done.returncode:
        said = (done.stderr.strip() or "no error output").splitlines()[-1]
        raise WorkshopError(f"The kubeconfig {site.kubeconfig} cannot be used: {said}.", UNREADABLE)
    config = json.loads(done.stdout)
    if not (config.get("contexts") and config.get("clusters") and config.get("users")):
        raise WorkshopError(
            f"The kubeconfig {site.kubeconfig} has no current context with a cluster and a user.", UNREADABLE
        )
    config["contexts"][0]["context"]["namespace"] = site.namespace
    write_atomically(settings.kubeconfig, json.dumps(config, indent=1), mode=0o600)


def client(settings: Settings) -> ApiClient:
    """Return the Python client for this stack's kubeconfig."""
    from kubernetes import config

    return config.new_client_from_config(str(settings.kubeconfig))


def must_answer(api: ApiClient, site: Site) -> None:
    """Check that the API server answers, accepts the credentials, and has the namespace.

    Raises:
        WorkshopError: one of these fails; the message has the reason.
    """
    from kubernetes.client import ApiException, CoreV1Api, V1ConfigMap, V1ObjectMeta
    from urllib3.exceptions import HTTPError

    probe = V1ConfigMap(metadata=V1ObjectMeta(name="workshop-check"))
    try:
        CoreV1Api(api).create_namespaced_config_map(site.namespace, probe, dry_run="All", _request_timeout=20)
    except ApiException as error:
        if trouble := _answered(error, site):
            raise trouble from None
    except (HTTPError, OSError) as error:
        raise _unreached(api, site, error) from None


def _answered(error: ApiException, site: Site) -> WorkshopError | None:
    """Return the error for a status other than success.

    None for 403, because rights are checked later, and for 409, because the object exists already.
    """
    if error.status == 401:
        return WorkshopError(
            "Kubernetes rejects your credentials: the token or certificate in the kubeconfig has expired or is wrong.",
            f"Ask for a new kubeconfig and save it as {site.kubeconfig}.",
        )
    if error.status == 404:
        return WorkshopError(
            f"There is no namespace {site.namespace} in this cluster.",
            f"Is WORKSHOP_NAMESPACE right? An administrator makes it: kubectl create namespace {site.namespace}",
        )
    if error.status in (403, 409):
        return None
    return WorkshopError(f"Kubernetes answers with {error.status} {error.reason}.", "Ask the cluster's administrator.")


# Texts of an error without an answer.
UNREACHED = (
    Diagnosis(
        "CERTIFICATE_VERIFY_FAILED|SSL",
        "The certificate of the API server {server} is not signed by the authority in the kubeconfig.",
        "The cluster was created again, or {kubeconfig} is for another cluster: ask for a new one.",
    ),
    Diagnosis(
        "",
        "The API server {server} does not answer.",
        "Is the cluster running, is a VPN needed, is {kubeconfig} stale?",
    ),
)


def _unreached(api: ApiClient, site: Site, error: Exception) -> WorkshopError:
    server = api.configuration.host
    found = diagnose(str(error), UNREACHED, server=server, kubeconfig=site.kubeconfig)
    return WorkshopError(found.fact, found.next_step)


def environment(settings: Settings) -> dict[str, str]:
    """Return the environment of `kubectl`.

    It contains the user's variables, since a kubeconfig may run a program that provides a token.
    """
    return inherited(KUBECACHEDIR=str(settings.state / "home" / "kube"))
