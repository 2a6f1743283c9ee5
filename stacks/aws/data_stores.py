"""What holds data: database, cache, files and the places for secrets; with copies in the second region, or made from them."""

from infra.cache import Cache
from infra.database import Database
from infra.exports.bucket import ExportsBucket
from infra.fence import DataNetwork
from infra.secrets import Secrets
from infra.storage import CopiedFiles, Storage
from stacks.aws.context import Context
from stacks.aws.foundation import Foundation


class DataStores:
    """The stores of one stack. Database and cache stand side by side with the cluster: nothing of theirs waits for it."""

    database: Database
    cache: Cache
    files: Storage | CopiedFiles
    exports: ExportsBucket | None

    def __init__(self, context: Context, foundation: Foundation) -> None:
        settings, key, network = context.settings, foundation.key, foundation.network
        place = DataNetwork(network.vpc_id, network.data_subnet_ids, {"cluster": foundation.cluster.security_group_id})
        second, recovery = context.second_region, settings.recovery
        self.database = Database(
            f"{context.name}-database",
            settings.database,
            place,
            key.arn,
            context.protect,
            copies=second,
            restore_from=recovery.restore_database_from if recovery else None,
            opts=context.on_aws,
        )
        self.cache = Cache(
            f"{context.name}-cache", settings.cache, place, key.arn, context.protect, opts=context.on_aws
        )
        self.files = self._files(context, foundation)
        self.exports = (
            ExportsBucket(
                f"{context.name}-exports",
                settings.exports,
                context.region,
                key.arn,
                context.protect,
                opts=context.on_aws,
            )
            if settings.exports
            else None
        )
        # The second region has the copies of the first one's, and Vault its own.
        if not context.restoring and settings.secret_store.backend == "aws":
            Secrets(context.name, settings.secrets, key.arn, context.protect, second, opts=context.on_aws)

    def _files(self, context: Context, foundation: Foundation) -> Storage | CopiedFiles:
        name, settings, account, region = f"{context.owner}-files", context.settings, context.account_id, context.region
        if context.restoring:
            return CopiedFiles(name, settings.storage, context.owner, account, region)
        return Storage(
            name,
            settings.storage,
            settings.cdn,
            account,
            region,
            foundation.key.arn,
            context.protect,
            context.second_region,
            opts=context.on_aws,
        )
