"""Checkpoints in Redis or Valkey, with no modules."""
