"""Lesson 07: its experiments, observations, pictures and checks."""
