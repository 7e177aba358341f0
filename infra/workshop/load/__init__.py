"""Load by locust, headless, and its figures as a table."""

from workshop.load.run import Load, Stage, percentile

__all__ = ["Load", "Stage", "percentile"]
