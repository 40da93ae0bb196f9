"""Container images: build contexts, Dockerfiles, builders, and what was built."""
