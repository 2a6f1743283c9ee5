"""Users and their sessions over HTTP, on a real server with a real database and a real store of sessions."""
