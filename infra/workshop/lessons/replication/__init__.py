"""Lesson 03: experiments, observations, pictures and checks."""
