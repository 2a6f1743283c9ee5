"""Where a configured provider applies to: one API server, or the reason why there is none."""

import threading
from dataclasses import dataclass, field, replace

from rehearsal import kubeconfig
from rehearsal.plugins.kubernetes import settings
from rehearsal.plugins.kubernetes.answering import RefusedError
from rehearsal.plugins.kubernetes.api import ApiServer, UnreachableError
from rehearsal.plugins.kubernetes.diagnostics import Diagnostics
from rehearsal.plugins.kubernetes.properties import Properties
from rehearsal.plugins.kubernetes.settings import ProviderSettings


@dataclass(frozen=True)
class Target:
    """The API server, the settings with which objects go there, and who is told of it. Without a server only previews work."""

    settings: ProviderSettings = field(default_factory=ProviderSettings)
    server: ApiServer | None = None
    unreachable: str = "the provider was not configured"
    diagnostics: Diagnostics = field(default_factory=Diagnostics)
    cancelled: threading.Event = field(default_factory=threading.Event)

    def configured(self, config: Properties) -> "Target":
        """The same, led by another configuration."""
        chosen = settings.read(config)
        if chosen.kubeconfig is None:
            unknown = "its kubeconfig is not known before the cluster exists"
            return replace(self, settings=chosen, server=None, unreachable=unknown)
        try:
            parsed = kubeconfig.parse(chosen.kubeconfig or kubeconfig.ambient())
            connection = kubeconfig.connection(parsed, chosen.context, chosen.cluster)
            chosen = replace(chosen, namespace=chosen.namespace or connection.namespace)
            server = ApiServer(connection)
            server.check()
        except (kubeconfig.KubeconfigError, UnreachableError) as error:
            return replace(self, settings=chosen, server=None, unreachable=str(error))
        return replace(self, settings=chosen, server=server)

    def reached(self) -> ApiServer:
        """The API server. Raises RefusedError when there is none."""
        if self.server is None:
            raise RefusedError(f"configured Kubernetes cluster is unreachable: {self.unreachable}")
        return self.server
