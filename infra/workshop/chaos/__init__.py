"""Fault injection while payments flow, and a reconciliation of every payment."""
