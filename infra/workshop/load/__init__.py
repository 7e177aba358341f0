"""Load by locust, headless, with its results as a table."""

from workshop.load.run import Load, Stage, percentile

__all__ = ["Load", "Stage", "percentile"]
