"""Samples to parameter types, JSON Schema and Swagger, and decoding."""
