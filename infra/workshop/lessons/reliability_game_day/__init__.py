"""Lesson 09: experiments, observations, pictures and checks."""
