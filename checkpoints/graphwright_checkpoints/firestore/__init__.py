"""Checkpoints in Google Firestore."""
