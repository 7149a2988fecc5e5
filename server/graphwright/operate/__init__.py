"""What people do to a service's databases from a terminal, while it runs or not."""
