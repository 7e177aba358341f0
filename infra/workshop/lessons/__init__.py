"""What the lessons draw, and the checks of their exercises: one module a lesson."""
