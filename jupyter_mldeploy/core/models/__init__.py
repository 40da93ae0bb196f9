"""Parts of the model registry: records and their rows, where a model comes from, where it lies at run time."""
