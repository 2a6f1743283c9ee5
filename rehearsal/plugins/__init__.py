"""Provider plugins that play AWS, EKS and Kubernetes for the real Pulumi engine on one machine."""
