"""Marlinspike's application: quotes over HTTP, kept in PostgreSQL, cached in Valkey or Redis."""

NAME = "quotes"
"""How the application calls itself in `/version`, in `app_info` and to PostgreSQL (`application_name`)."""

__version__ = "0.1.0"
