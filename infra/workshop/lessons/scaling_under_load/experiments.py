"""Lesson 08: scaling. What the notebook calls: load in stages, an autoscaler at work, consumers and their lag."""

from workshop.lessons.scaling_under_load.consumers import backlog
from workshop.lessons.scaling_under_load.curves import measure
from workshop.lessons.scaling_under_load.day import deploy_repeatedly, play
from workshop.lessons.scaling_under_load.delivery import ensure, restore, write_manifest
from workshop.lessons.scaling_under_load.observations import CAPACITY
from workshop.lessons.scaling_under_load.pictures import draw_cpu_and_queue

__all__ = [
    "CAPACITY",
    "backlog",
    "deploy_repeatedly",
    "draw_cpu_and_queue",
    "ensure",
    "measure",
    "play",
    "restore",
    "write_manifest",
]
