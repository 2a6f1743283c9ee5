"""A stack on AWS: network, cluster, data stores, and the application on them."""

from typing import Any

from pulumi import Output

from stacks.aws.application import Application
from stacks.aws.compute import Compute
from stacks.aws.context import context_of
from stacks.aws.data_stores import DataStores
from stacks.aws.entry import make_edge, publish
from stacks.aws.exports import export
from stacks.aws.foundation import Foundation
from stacks.aws.identities import workload_identities
from stacks.aws.monitoring import monitor
from stacks.aws.observers import Observers
from stacks.aws.watch import watch
from stacks.names import NAMESPACE
from stacks.settings import AwsSettings


class AwsStack:
    """Composes the components; `outputs` are what the stack exports: addresses and ARNs, never a secret."""

    outputs: dict[str, Output[Any] | str]

    def __init__(self, stack: str, settings: AwsSettings) -> None:
        context = context_of(stack, settings)
        foundation = Foundation(context)
        data = DataStores(context, foundation)
        edge = make_edge(context, settings.edge, foundation) if settings.edge else None
        watch(context, foundation, data, edge)
        identities = workload_identities(context, foundation, data)
        observers = Observers(context, foundation)
        everybody = (*identities.values(), *observers.identities.values())
        compute = Compute(context, foundation, [identity.association for identity in everybody])
        application = Application(context, foundation, data, compute, identities, edge)
        export(context, data, compute, application.namespace.name, application.workload, identities)
        monitor(context, foundation, data, compute, application, observers)
        observers.run(compute)
        self.outputs = {
            "region": context.region,
            "cluster_name": foundation.cluster.name,
            "cluster_arn": foundation.cluster.arn,
            "database_address": data.database.address,
            "database_master_secret_arn": data.database.master_secret_arn,
            "cache_endpoint": data.cache.endpoint,
            "files_bucket": data.files.bucket_name,
            "namespace": NAMESPACE,
            "image": settings.app.image,
        }
        if data.exports is not None:
            self.outputs["exports_bucket"] = data.exports.bucket_name
        if edge:
            publish(context, edge, served_by=application.workload)
            self.outputs |= {"url": edge.url, "load_balancer_dns_name": edge.load_balancer_dns_name}
        if data.database.copies_arn is not None:
            self.outputs["database_copies_arn"] = data.database.copies_arn
