"""How long the suite waits before it takes something for failed: the suite passes at sixfold load."""

START = 240.0  # seconds for a stack or a kernel: nbval's own ten for a kernel's first answer are not enough there
CELL = 600.0  # seconds for a cell: an experiment takes up to 70 on an idle machine
PREFETCH = 3600.0  # seconds; compiling the control plane at idle priority beside the tests took 14 minutes
STOP = 300.0  # seconds for a lane's stack to be stopped
