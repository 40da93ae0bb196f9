"""``/permissions``: what the user who asks may do here, so that a page can say it before anything is pressed."""

from __future__ import annotations

from typing import Any

from jupyter_server.auth.decorator import authorized
from tornado import web

from . import registry_answers
from .base import ApiHandler
from .documented import documented
from .openapi import permission, verbs
from .proxy import ProxyHandler

#: What somebody does who has a permission, in words.
WORDS = {
    ("read", "jupyter_mldeploy:services"): "see the services of this Jupyter server",
    ("write", "jupyter_mldeploy:services"): "deploy or change services, models and environments on this Jupyter server",
    ("read", "jupyter_mldeploy:logs"): "read the logs of services",
    ("read", "jupyter_mldeploy:secrets"): "see the keys of services",
    ("write", "jupyter_mldeploy:secrets"): "regenerate the keys of services",
    ("read", "jupyter_mldeploy:lint"): "have entry scripts checked",
    ("execute", "jupyter_mldeploy:invoke"): "send requests to services through this Jupyter server",
}


class PermissionsHandler(ApiHandler):
    """The permissions of one user."""

    @web.authenticated
    @authorized("read", resource="jupyter_mldeploy:services")
    @documented("Say what this user may do, and of what is refused the reason.", registry_answers.Permissions)
    async def get(self) -> None:
        """See the OpenAPI document."""
        self.show(
            {
                "read_only": self.backend.policy.read_only,
                "permissions": [await self._asked(action, resource) for action, resource in needed()],
            }
        )

    async def _asked(self, action: str, resource: str) -> dict[str, Any]:
        """Return one permission, as the verbs that need it would find it."""
        reason = None
        if not await self.allows(action, resource):
            reason = f"You may not {WORDS[action, resource]}. Ask whoever runs it for the permission."
        elif action == "write":
            reason = self.backend.policy.why_no_changes()
        return {"resource": resource, "action": action, "allowed": reason is None, "reason": reason}


def needed() -> list[tuple[str, str]]:
    """Return every (action, resource) that some verb of the extension asks for, each once."""
    from .routes import ROUTES

    found = {permission(method) for _, handler in ROUTES for _, method, _ in verbs(handler)}
    found.add(permission(ProxyHandler.get))
    return sorted((action, resource) for action, resource in found if action and resource)
