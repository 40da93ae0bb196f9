"""Parameter types: one sample each, from which come the schema, the example and the conversion."""
