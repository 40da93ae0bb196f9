"""The shared deployment core: everything a frontend needs, and nothing that belongs to one frontend or one target.

Start from :class:`jupyter_mldeploy.core.workspace.Workspace`.
"""
