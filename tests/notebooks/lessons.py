"""Which lessons the running stack can do. Usage: lessons.py [--kafka] prints their solutions; what is left out is said, and why.

With --kafka, those that need Kubernetes are left out.
"""

import sys

from workshop import cluster
from workshop.notebooks import needs_kubernetes, solutions
from workshop.settings import Settings

settings = Settings.load()
has_kubernetes = "kubernetes" in cluster.read_endpoints(settings)
for path in solutions(settings):
    if not needs_kubernetes(path) or (has_kubernetes and sys.argv[1:] != ["--kafka"]):
        print(path.relative_to(settings.root))
    elif not has_kubernetes:
        print(f"NOT RUN: {path.name} needs Kubernetes, which this stack does not have", file=sys.stderr)
