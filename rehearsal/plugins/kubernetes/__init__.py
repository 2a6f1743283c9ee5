"""The stand-in for the plugin of pulumi-kubernetes 4.34.2.

It speaks the provider protocol and really applies objects to an API server.

Where it does as the real one does, and where it can't, is written beside each part. The differences that matter:

- A Helm release is simulated (`helm`): its values are checked and its custom resource definitions exist after it, its
  pods do not.
- Objects are applied with strict field validation: the real one only warns of a field that the API server does not
  know.
- Waits end as soon as the outcome is known (a Service does not wait ten more seconds for its endpoints to settle).
- Only the control plane of the rehearsal is ever spoken to (`kubeconfig`), whatever the program's kubeconfig says.
"""

VERSION = "4.34.2"
"""The version of pulumi-kubernetes that this stands in for, and the one that it answers."""
