"""Lesson 08: its experiments, observations, pictures and checks."""
