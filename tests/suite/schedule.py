"""Distribution of groups of tests to lanes."""

from __future__ import annotations

from collections import OrderedDict

import pytest
from xdist.scheduler import LoadScopeScheduling

from suite import parts


class GroupScheduling(LoadScopeScheduling):
    """xdist's distribution by scope; a scope is a group, and long groups start first."""

    def __init__(self, config: pytest.Config, log: object, *, compiling: bool) -> None:
        super().__init__(config, log)
        self._compiling = compiling

    def _split_scope(self, nodeid: str) -> str:
        return parts.group_of(nodeid)

    def _assign_work_unit(self, node: object) -> None:
        order = parts.in_order(list(self.workqueue), compiling=self._compiling)
        self.workqueue = OrderedDict((group, self.workqueue[group]) for group in order)
        super()._assign_work_unit(node)
