"""An entry script by its syntax tree: scopes, values, kinds, and what can be read of a script that is half written."""
