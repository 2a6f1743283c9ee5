"""Copies that can be read without this platform: dumps of the database and Kubernetes' objects, in a bucket or a folder."""
