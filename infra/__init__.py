"""The components: each file is one room with its settings, its resources and its outputs."""
