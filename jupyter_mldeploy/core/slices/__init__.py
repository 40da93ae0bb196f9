"""Parts of capture: who reads and binds what, what a call may change, and the backward slice over the cells."""
