"""What is done with graph documents from the command line, without a service."""
