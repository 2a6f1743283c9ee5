"""What the stand-in for the Kubernetes plugin promises, against a real API server."""
