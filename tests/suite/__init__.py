"""The project's test command: parts of the suite, side by side, each lane with a stack of its own."""
