"""Who may ask: programs of this machine and of this cluster, and no web page that a browser of this machine shows.

A page from elsewhere can make a browser send a POST to 127.0.0.1, and with a name that it lets point there (DNS rebinding)
it reads the answers too. The first comes with an Origin, the second with that name as its Host.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_address

WITHIN = (".localhost", ".workshop", ".svc", ".cluster.local")  # names that no one from outside can point anywhere


def refusal(headers: Iterable[tuple[bytes, bytes]], public: str = "") -> str:
    """Why a request is not answered, in a sentence; empty if it is. Pure.

    Args:
        headers: names in small letters, and values.
        public: a name that the site gives the service from outside, which only it can point anywhere.
    """
    for name, value in headers:
        if name == b"origin":
            return "This service answers programs; a web page may not ask it."
        if name == b"host" and not _is_ours(asked := value.decode("latin-1")) and asked.lower() != public.lower():
            return "This service is asked by its address or by its name in the cluster, not by another one."
    return ""


def _is_ours(host: str) -> bool:
    name = host.rpartition("]")[0].removeprefix("[") if host.startswith("[") else host.partition(":")[0]
    if "." not in name and ":" not in name:
        return True
    try:
        ip_address(name)
    except ValueError:
        return name.lower().rstrip(".").endswith(WITHIN)
    return True
