"""Lesson 05: experiments, observations, pictures and checks."""
