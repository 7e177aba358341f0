"""Lesson 05: its experiments, observations, pictures and checks."""
