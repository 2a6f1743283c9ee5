"""Upgrades: of the cluster's Kubernetes, and of its nodes' images; what would stop one half-way is said before it begins."""
