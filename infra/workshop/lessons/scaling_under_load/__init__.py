"""Lesson 08: experiments, observations, pictures and checks."""
