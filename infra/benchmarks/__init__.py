"""Benchmarks: `run.py` measures, `results/` has the results, `page.py` generates docs/benchmarks.md."""
