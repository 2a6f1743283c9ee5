"""Images without a registry: bases of Debian's packages, and app/Dockerfile built on them by buildah."""
