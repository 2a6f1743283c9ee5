"""The rehearsal: the whole platform on one machine, with the real Pulumi engine, a real Kubernetes and a simulated AWS."""
