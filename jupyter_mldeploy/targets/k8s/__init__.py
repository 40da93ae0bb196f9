"""What the Kubernetes target is made of: manifests are pure functions, and ``cluster`` alone talks to one."""
