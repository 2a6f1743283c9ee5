"""What holds data: database, cache, files and the places for secrets; with copies in the second region, or made from them."""

from infra.backup_copies import BackupCopies
from infra.cache import Cache
from infra.database import Database, DataNetwork
from infra.exports.bucket import ExportsBucket
from infra.recovery import source_stack
from infra.secrets import Secrets
from infra.storage import CopiedFiles, Storage, StorageCopy, copy_bucket_name
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
            copies=BackupCopies(second.region, second.key_arn, settings.database.backup_days) if second else None,
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
        settings, account, second = context.settings, context.account_id, context.second_region
        if context.restoring:
            return CopiedFiles(settings.storage, source_stack(context.stack), account, context.region)
        copy = None
        if second:
            bucket = copy_bucket_name(context.stack, account, second.region)
            copy = StorageCopy(second.region, second.key_arn, bucket)
        return Storage(
            f"{context.name}-files",
            settings.storage,
            settings.cdn,
            account,
            context.region,
            foundation.key.arn,
            context.protect,
            copy,
            opts=context.on_aws,
        )
