"""Lesson 11: stream processing with Quix Streams.

Its notebook runs in an environment of its own, so quixstreams is imported by the functions that use it: the other modules of
the workshop, and the unit tests, do not have it.
"""
