"""Tools that are fetched or found: Go, Java, signature checks."""
