"""Time limits of the suite, after which a wait counts as failed; the suite passes at sixfold load."""

START = 240.0  # seconds for the start of a stack or a kernel: nbval's limit of ten is too short at that load
CELL = 600.0  # seconds for a cell: an experiment takes up to 70 on an idle machine
PREFETCH = 3600.0  # seconds; compiling the control plane at idle priority beside the tests took 14 minutes
STOP = 300.0  # seconds for stopping a lane's stack
