"""What databases on the network have in common."""
