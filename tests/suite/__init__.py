"""The project's test command: parts of the suite in parallel lanes, each with a stack of its own."""
