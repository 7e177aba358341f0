"""Lesson 04: its experiments, observations, pictures and checks."""
