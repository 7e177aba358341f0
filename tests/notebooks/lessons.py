"""Which lessons the running stack can do. Usage: lessons.py prints their solutions; what is left out is said, and why."""

import sys

from workshop import cluster
from workshop.notebooks import needs_kubernetes, solutions
from workshop.settings import Settings

settings = Settings.load()
has_kubernetes = "kubernetes" in cluster.read_endpoints(settings)
for path in solutions(settings):
    if has_kubernetes or not needs_kubernetes(path):
        print(path.relative_to(settings.root))
    else:
        print(f"NOT RUN: {path.name} needs Kubernetes: ./infra/test.sh --backend kind", file=sys.stderr)
