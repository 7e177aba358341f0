"""Lesson 10: experiments, observations, pictures and checks."""
