"""An agent that comes as a chart, in a fenced namespace of its own: the log shipper, the collector of traces."""

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi
from pulumi import ResourceOptions

from infra.charts import Chart, install
from infra.namespace import Namespace, PodSecurityStandard
from infra.policies import Flow, NamespaceFence


class Agent(pulumi.ComponentResource):
    """A namespace, its fence, and a Helm release, rolled back when it does not come up.

    Type token: `marlinspike:monitoring:Agent`. `depends_on` holds its rights on AWS: without them it comes up, and loses
    everything that it is given.
    """

    def __init__(
        self,
        name: str,
        chart: Chart,
        values: Mapping[str, Any],
        namespace: str,
        standard: PodSecurityStandard,
        callers: Sequence[Flow],
        depends_on: Sequence[pulumi.Resource],
        opts: ResourceOptions | None = None,
    ) -> None:
        super().__init__("marlinspike:monitoring:Agent", name, {}, opts)
        child = ResourceOptions(parent=self)
        home = Namespace(namespace, standard=standard, opts=child)
        NamespaceFence(namespace, home.name, callers, opts=child)
        after = ResourceOptions(parent=self, depends_on=list(depends_on))
        install(f"{name}-release", chart, home.name, values, after, name=name)
        self.register_outputs({})
