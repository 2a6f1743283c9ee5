"""The environment variables by which a rehearsal tells the engine's plugins where they are."""

STATE = "MARLINSPIKE_REHEARSAL"
"""The folder in which the rehearsal keeps its state; the simulated account is in it."""

ACCOUNT = "MARLINSPIKE_REHEARSAL_ACCOUNT"
"""The AWS account that is played."""

KUBECONFIG = "MARLINSPIKE_REHEARSAL_KUBECONFIG"
"""The file that leads to the control plane, which plays the EKS cluster."""

RESUMED = "MARLINSPIKE_REHEARSAL_RESUMED"
"""`true` when an update goes on after one that failed: objects that it made unheard are taken over then."""

DEFINITIONS = "MARLINSPIKE_CUSTOM_RESOURCE_DEFINITIONS"
"""The folder with the custom resource definitions of each chart."""

FAULTS = "MARLINSPIKE_FAULTS"
"""A file of faults on demand (`rehearsal.plugins.faults`)."""
