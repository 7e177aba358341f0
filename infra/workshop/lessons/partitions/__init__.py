"""Lesson 02: its experiments, observations, pictures and checks."""
