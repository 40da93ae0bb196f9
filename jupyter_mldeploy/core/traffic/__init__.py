"""Several versions behind one endpoint: weights, a mirror, a header, and a referee that promotes or rolls back."""
