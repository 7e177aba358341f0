"""The service `payments`: python -m services.payments."""
