"""Where the tools come from, and what a person is told when they can't be had; nothing here builds or downloads for long."""
