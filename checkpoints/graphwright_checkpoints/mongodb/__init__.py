"""Checkpoints in MongoDB."""
