"""The `eks` plugin: plays the component `eks:index:Cluster` of pulumi-eks 4.4.0.

CHILDREN.md lists what it makes, with the source.
"""

PLUGIN_VERSION = "4.4.0"
