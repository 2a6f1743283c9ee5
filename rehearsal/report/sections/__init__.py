"""The sections of the report, one a file: each makes what the page's template shows from the material."""
