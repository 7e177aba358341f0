"""Lesson 07: experiments, observations, pictures and checks."""
