"""``/environments``: the environment registry."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from jupyter_server.auth.decorator import authorized
from tornado import web

from ..core.environment import EnvironmentSpec
from ..errors import InvalidInputError
from . import registry_answers
from .base import ApiHandler, changes
from .bodies import EnvironmentBody
from .documented import documented


class EnvironmentsHandler(ApiHandler):
    """All environments."""

    @web.authenticated
    @authorized("read", resource="jupyter_mldeploy:services")
    @documented("List environments.", registry_answers.Environments, query={"name": "only the versions of this one"})
    async def get(self) -> None:
        """See the OpenAPI document."""
        name = self.get_query_argument("name", None)
        found = await self.backend.quick(lambda: self.backend.workspace.environments.list(name))
        rows = [
            {"name": item.name, "version": item.version, "digest": item.digest, "created": item.created}
            for item in found
        ]
        self.show({"environments": rows})

    @web.authenticated
    @authorized("write", resource="jupyter_mldeploy:services")
    @changes
    @documented(
        "Keep an environment as the next version of a name; the same content keeps its version.",
        registry_answers.Environment,
        body=EnvironmentBody,
        status=201,
    )
    async def post(self) -> None:
        """See the OpenAPI document."""
        body = self.body(EnvironmentBody)
        self.show(await self.backend.quick(self._register, body), 201)

    def _register(self, body: EnvironmentBody) -> dict[str, Any]:
        spec = self._spec(body)
        if body.pip:
            spec = spec.with_pip(body.pip)
        if body.python:
            spec = replace(spec, python=body.python)
        spec = self.backend.workspace.environments.register(spec)
        return {**spec.to_dict(), "digest": spec.digest}

    def _spec(self, body: EnvironmentBody) -> EnvironmentSpec:
        if body.conda is not None:
            return EnvironmentSpec.from_conda_yaml(body.conda + "\n", name=body.name)
        if body.requirements is not None:
            if re.search(r"(?m)^\s*(-r|-c|--requirement|--constraint)\b", body.requirements):
                raise InvalidInputError(
                    "Requirements that are given as text cannot include other files.",
                    field="requirements",
                    hint="Give the path of a requirements file.",
                )
            return EnvironmentSpec.from_pip_requirements(body.requirements + "\n", name=body.name)
        if body.path is not None:
            path = self.backend.paths.resolve(body.path, field="path")
            if path.suffix in {".txt", ".in"}:
                return EnvironmentSpec.from_pip_requirements(path, name=body.name)
            return EnvironmentSpec.from_conda_yaml(path, name=body.name)
        return EnvironmentSpec(body.name)


class EnvironmentHandler(ApiHandler):
    """One version of an environment."""

    @web.authenticated
    @authorized("read", resource="jupyter_mldeploy:services")
    @documented("Show an environment.", registry_answers.Environment)
    async def get(self, name: str, version: str) -> None:
        """See the OpenAPI document."""
        spec = await self.backend.quick(lambda: self.backend.workspace.environments.get(name, version))
        self.show({**spec.to_dict(), "digest": spec.digest})

    @web.authenticated
    @authorized("write", resource="jupyter_mldeploy:services")
    @changes
    @documented("Delete a version; services keep what they run with.", registry_answers.Done)
    async def delete(self, name: str, version: str) -> None:
        """See the OpenAPI document."""
        await self.backend.quick(lambda: self.backend.workspace.environments.delete(name, version))
        self.show({"deleted": f"{name}:{version}"})
