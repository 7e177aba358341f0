"""Lesson 02: experiments, observations, pictures and checks."""
