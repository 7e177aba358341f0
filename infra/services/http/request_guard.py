"""Request filter: accepts programs of this machine and cluster, refuses web pages in a browser.

A foreign web page can make a browser send a POST to 127.0.0.1. With a host name that resolves to 127.0.0.1 (DNS rebinding) it
can also read the answers. A request of the first kind has an Origin header, one of the second kind has that name as its Host.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_address

WITHIN = (".localhost", ".workshop", ".svc", ".cluster.local")  # domains whose addresses nobody outside can set


def refusal(headers: Iterable[tuple[bytes, bytes]], public: str = "") -> str:
    """Return the reason for which a request is refused, as a sentence; empty if it is accepted. Pure.

    Args:
        headers: names in lower case, and values.
        public: the site's external host name of the service, whose address only the site can set.
    """
    for name, value in headers:
        if name == b"origin":
            return "This service answers requests of programs, not of web pages."
        if name == b"host" and not _is_ours(asked := value.decode("latin-1")) and asked.lower() != public.lower():
            return "The Host of a request must be the service's address or its name in the cluster."
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
