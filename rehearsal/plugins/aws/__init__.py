"""The `aws` plugin: a simulated AWS account behind the real pulumi-aws SDK's types."""

import os

from rehearsal.variables import ACCOUNT

PLUGIN_VERSION = "7.51.1"
"""The version that the plugin answers: that of the pulumi-aws SDK whose types it checks."""

ACCOUNT_ID = os.environ.get(ACCOUNT) or "111122223333"
"""The account that is played: the one that the committed stack file names, else one of AWS's documentation accounts."""

PARTITION = "aws"
