"""Load on the payments service: at a steady rate, or in stages with its results as a table."""

from workshop.load.run import Load, Stage, percentile

__all__ = ["Load", "Stage", "percentile"]
