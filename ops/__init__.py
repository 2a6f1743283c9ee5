"""Day-2 commands: what the platform's people do after `pulumi up`, one command each (`python -m ops --help`)."""
