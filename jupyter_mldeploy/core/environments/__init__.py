"""Parts of environments: conda and pip files, what is installed, the registry, virtual environments."""
