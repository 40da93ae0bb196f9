"""Language server for entry scripts: the linter's rules and what is known about deployments, in any editor.

``mldeploy-lsp`` speaks the Language Server Protocol over stdio, TCP or WebSocket. One file holds one feature; what a
feature knows comes from ``jupyter_mldeploy.core``. The user's code is read, never run.
"""

LANGUAGE_ID = "mldeploy-entry-script"
"""The language of a ``%%deploy`` cell's body when an editor takes it out of its notebook."""
