"""AWS's log delivery, which writes flow logs, firewall logs and others in an account's name."""

LOG_DELIVERY = "delivery.logs.amazonaws.com"


def for_this_account(account_id: str, region: str) -> dict[str, dict[str, str]]:
    """The condition that it writes what this account's resources in this region have to tell."""
    return {
        "StringEquals": {"aws:SourceAccount": account_id},
        "ArnLike": {"aws:SourceArn": f"arn:aws:logs:{region}:{account_id}:*"},
    }
