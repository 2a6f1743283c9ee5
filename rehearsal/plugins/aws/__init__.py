"""The `aws` plugin: a simulated AWS account behind the real pulumi-aws SDK's types."""

PLUGIN_VERSION = "7.51.1"
"""The version that the plugin answers: that of the pulumi-aws SDK whose types it checks."""

ACCOUNT_ID = "111122223333"
"""The account that is played; one of AWS's documentation accounts, as in the committed stack files."""

PARTITION = "aws"
