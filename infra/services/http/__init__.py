"""HTTP parts that services share."""
