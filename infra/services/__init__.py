"""Microservices of the story; they share one image."""
