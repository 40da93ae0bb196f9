"""Objects of the kernel on their way into a bundle: how each is stored, and loaded again."""
