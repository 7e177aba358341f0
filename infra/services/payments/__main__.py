"""Entry point of python -m services.payments."""

from services.payments.main import main

main()
