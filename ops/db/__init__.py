"""`db`: copies of the database, and the way into it."""

import typer

from ops.command import command
from ops.db.backup import db_backup
from ops.db.connect import db_connect
from ops.db.failover import db_failover
from ops.db.restore import db_restore

db = typer.Typer(no_args_is_help=True, help="The database: back up, restore, connect, fail over.")
db.command("backup")(command(db_backup))
db.command("restore")(command(db_restore))
db.command("connect")(command(db_connect))
db.command("failover")(command(db_failover))
