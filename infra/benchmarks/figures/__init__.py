"""What can be measured: one module per benchmark.

A module has

- a docstring, whose first line `run.py --list` prints;
- `FIGURES`: the name of each figure to its unit (empty for a ratio);
- `STACK`: the stack that it measures: "running" (started by `workshop up`), "local" or "kind" (of its own), or "none";
- `RUNS` (optional, 3 if missing): the number of runs without `--runs`;
- `WARM_UP` (optional): a first run is not counted;
- `measure(run)`: the values of one run, as (name of the figure, value); runs are numbered from 0. A figure that is the same
  in each run can be measured in run 0 only.
"""
