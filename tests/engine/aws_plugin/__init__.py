"""What the simulated AWS promises, one sentence a test; the plugin runs as a process, the tests speak the engine's protocol."""
