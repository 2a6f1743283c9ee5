"""What everything else stands on: the key, the network, the cluster's control plane."""

from infra.cluster import Cluster
from infra.encryption import EncryptionKey
from infra.network import Network
from stacks.aws.context import Context


class Foundation:
    """The platform's key, its network and its control plane."""

    key: EncryptionKey
    network: Network
    cluster: Cluster

    def __init__(self, context: Context) -> None:
        name, settings, on_aws = context.name, context.settings, context.on_aws
        self.key = EncryptionKey(
            name,
            settings.encryption,
            context.account_id,
            context.region,
            protect=context.protect,
            keep=settings.keeps_data,
            for_cloudfront=settings.cdn is not None,
            opts=on_aws,
        )
        self.network = Network(
            name, settings.network, context.account_id, context.region, name, self.key.arn, opts=on_aws
        )
        self.cluster = Cluster(name, settings.cluster, self.network, self.key.arn, context.protect, opts=on_aws)
