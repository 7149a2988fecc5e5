"""Checkpoints in MySQL or MariaDB."""
