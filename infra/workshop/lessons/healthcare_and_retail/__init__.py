"""Lesson 10: its experiments, observations, pictures and checks."""
