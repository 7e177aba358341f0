"""What notebooks use: the connection, live pictures, the story's data, exercises, execution."""
