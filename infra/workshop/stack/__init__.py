"""The running system: `up`, `down`, `status`, `doctor`, and the components that they start."""
