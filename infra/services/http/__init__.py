"""The HTTP parts that services share."""
