"""The components: each file is one room with its settings, its resources and its outputs.

docs/settings.md says in which room each section of a stack file is.
"""
