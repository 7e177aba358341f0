"""Lesson 12: contracts between producers and consumers, in a schema registry."""
