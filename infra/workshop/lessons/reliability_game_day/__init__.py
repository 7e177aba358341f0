"""Lesson 09: its experiments, observations, pictures and checks."""
