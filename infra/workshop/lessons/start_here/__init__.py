"""Lesson 00: its experiments, observations, pictures and checks."""
