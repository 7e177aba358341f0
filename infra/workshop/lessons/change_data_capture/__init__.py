"""Lesson 06: its experiments, observations, pictures and checks."""
