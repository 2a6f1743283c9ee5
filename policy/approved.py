"""What an owner approves: `make own` puts his region here; docs/policies.md says how to give others for one run."""

REGIONS = ("eu-west-3", "eu-central-1")
"""The regions in which anything may be."""

TAGS = ("Project", "Environment", "ManagedBy")
"""What everything on AWS is tagged with."""
