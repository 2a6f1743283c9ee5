"""The picture of the architecture, from the resources of a stack and the pods that run."""
