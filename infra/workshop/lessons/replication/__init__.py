"""Lesson 03: its experiments, observations, pictures and checks."""
