"""Lesson 01: its experiments, observations, pictures and checks."""
