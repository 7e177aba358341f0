"""Lesson 01: experiments, observations, pictures and checks."""
