"""KWOK's manifests, copied from its module; `python -m rehearsal.control_plane.kwok.copy_manifests` renews them."""
