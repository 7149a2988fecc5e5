"""Checkpoints in Postgres."""
