"""Delivery: the roles by which CI previews and deploys the environments, and the most that these may do."""
