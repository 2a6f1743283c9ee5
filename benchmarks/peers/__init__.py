"""The same API as the application's, as others write it: read, search and add quotes on the same database, with the same JSON."""
