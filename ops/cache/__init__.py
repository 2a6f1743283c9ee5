"""`cache`: snapshots of the cache, and one of them in the cache's place."""

import typer

from ops.cache.backup import cache_backup
from ops.cache.restore import cache_restore
from ops.command import command

cache = typer.Typer(
    no_args_is_help=True, help="The cache: sessions, and answers that are computed again when they are lost."
)
cache.command("backup")(command(cache_backup))
cache.command("restore")(command(cache_restore))
