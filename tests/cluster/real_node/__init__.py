"""Stack `local` on a real node: what really runs, and what its users notice of releases and faults."""
