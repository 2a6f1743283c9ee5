"""What AWS runs elsewhere, as pods: for stacks on any Kubernetes cluster."""
