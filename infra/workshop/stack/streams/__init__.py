"""The environment and the kernel of the stream processing lesson; docs/adr/0008 has the reason for a second environment."""
