"""Asks others' tools what they think of a rehearsed stack: of its AWS resources and of its Kubernetes objects.

Each judge has one file, which runs it and turns its answer into findings. What is right as it is although a judge objects
stands in `skips.yaml`, with the reason.
"""
