"""Copies that can be read without this platform, made daily: dumps of the database and Kubernetes' objects, in a bucket."""
