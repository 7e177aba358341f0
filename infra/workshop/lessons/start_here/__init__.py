"""Lesson 00: experiments, observations, pictures and checks."""
