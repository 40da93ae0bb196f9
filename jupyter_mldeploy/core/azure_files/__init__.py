"""Azure's own deployment files, v1's JSON and v2's YAML, read into requests and configurations."""
