"""Lesson 06: experiments, observations, pictures and checks."""
