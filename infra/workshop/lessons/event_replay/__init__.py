"""Lesson 04: experiments, observations, pictures and checks."""
