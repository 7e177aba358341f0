"""The running system: `up`, `down`, `status`, `doctor`, and everything that they start."""
