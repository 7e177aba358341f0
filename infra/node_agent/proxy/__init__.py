"""Connections to pods: load balancing for Services, and the API server's tunnel."""
