"""The rehearsal: the whole platform on one machine, with the real Pulumi engine, a real Kubernetes control plane and AWS played by a plugin."""
