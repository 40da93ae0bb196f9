"""The scoring server: runs init() and run() behind HTTP."""
