"""Tests on a real API server, scheduler and controllers, with simulated nodes."""
