"""What PostgreSQL's own programs do in their container, beside the application's (app/exports/exchange.py), for `sh -c`."""

EXCHANGE = "/exchange"
"""The folder that both containers share; its name is in EXPORTS_EXCHANGE."""

BEGINS_SECONDS = 600
"""How long the other container may take to begin: its image may have to be pulled, and a large dump's checksum to be compared
(BEGINS_SECONDS of app/exports/exchange.py for the other way)."""

_BEGIN = f"""set -u
cd "$EXPORTS_EXCHANGE"
trap '[ -e done ] || : > failed' EXIT
trap 'exit 143' TERM
waited=0
until [ -e ready ]; do
  waited=$((waited + 1))
  [ $waited -le {BEGINS_SECONDS} ] || {{ echo "the other container has not begun" >&2; exit 1; }}
  sleep 1
done
export PGSERVICE=database PGSERVICEFILE="$PWD/pg_service.conf" PGPASSFILE="$PWD/passwords"
"""

DUMP = f"""{_BEGIN}
pg_dump --format=custom --lock-wait-timeout=60s --snapshot="$(cat ready)" > dump || exit 1
: > done
"""

RESTORE = f"""{_BEGIN}
pg_restore --list < list > entries || exit 1
# Extensions and the rights on schema public are there already: their owner made them.
grep -v -e ' EXTENSION ' -e ' ACL - SCHEMA public ' entries > chosen
pg_restore --exit-on-error --no-owner --use-list=chosen --dbname=service=database < dump || exit 1
: > done
"""
