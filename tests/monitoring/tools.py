"""The programs that these tests run, found or made once."""

import sys
from functools import cache

from rehearsal.toolchain.monitoring import MonitoringTools, ensure_monitoring, version_of


@cache
def tools() -> MonitoringTools:
    """Prometheus, promtool, Alertmanager and amtool; says which versions. Raises ToolchainError where they can't be had."""
    found = ensure_monitoring(lambda line: print(line, file=sys.stderr, flush=True))
    versions = f"Prometheus {version_of(found.promtool)}, Alertmanager {version_of(found.amtool)}"
    print(f"monitoring is tested with {versions}", file=sys.stderr)
    return found
