"""``/models``: the model registry."""

from __future__ import annotations

from typing import Any

from jupyter_server.auth.decorator import authorized
from tornado import web

from . import answers, registry_answers
from .base import ApiHandler, changes
from .bodies import ModelBody, ModelChangesBody
from .documented import documented
from .labels import relabelled, require_changes
from .operation import Operation


class ModelsHandler(ApiHandler):
    """All models."""

    @web.authenticated
    @authorized("read", resource="jupyter_mldeploy:services")
    @documented(
        "List models.",
        registry_answers.Models,
        query={"name": "only this one", "latest": "1: only the newest version of each", "tag": "key or key=value"},
    )
    async def get(self) -> None:
        """See the OpenAPI document."""
        found = await self.backend.quick(
            lambda: self.backend.workspace.models.list(
                self.get_query_argument("name", None),
                tags=[text.split("=", 1) for text in self.get_query_arguments("tag")],
                latest=self.get_query_argument("latest", "") == "1",
            )
        )
        self.show({"models": [model.to_dict() for model in found]})

    @web.authenticated
    @authorized("write", resource="jupyter_mldeploy:services")
    @changes
    @documented(
        "Register a file or folder as the next version of a model; the operation's result is the model.",
        answers.OperationInFull,
        body=ModelBody,
        query={"wait_s": "seconds to wait for the end (at most 30)"},
        status=202,
    )
    async def post(self) -> None:
        """See the OpenAPI document."""
        body = self.body(ModelBody)
        path = self.backend.paths.resolve(body.path, field="path")
        given = body.model_dump(exclude={"path", "name"}, exclude_defaults=True)

        def register(operation: Operation) -> dict[str, Any]:
            def progress(done: int, whole: int) -> None:
                operation.report("copy", f"{done * 100 // max(whole, 1)} % of {whole} bytes")

            return self.backend.workspace.models.register(path, body.name, progress=progress, **given).to_dict()

        await self.show_operation("register", body.name, register)


class ModelHandler(ApiHandler):
    """One version of a model."""

    @web.authenticated
    @authorized("read", resource="jupyter_mldeploy:services")
    @documented("Show a model with its files and who uses it.", registry_answers.ModelInFull)
    async def get(self, name: str, version: str) -> None:
        """See the OpenAPI document."""
        self.show(await self.backend.quick(self._document, f"{name}:{version}"))

    @web.authenticated
    @authorized("write", resource="jupyter_mldeploy:services")
    @changes
    @documented("Change tags, properties or description.", registry_answers.Model, body=ModelChangesBody)
    async def patch(self, name: str, version: str) -> None:
        """See the OpenAPI document."""
        body = self.body(ModelChangesBody)
        require_changes(body)
        self.show(await self.backend.quick(self._change, f"{name}:{version}", body))

    @web.authenticated
    @authorized("write", resource="jupyter_mldeploy:services")
    @changes
    @documented("Delete one version; 409 names the deployments that need it.", registry_answers.Done)
    async def delete(self, name: str, version: str) -> None:
        """See the OpenAPI document."""
        model_id = f"{name}:{version}"
        await self.backend.quick(lambda: self.backend.workspace.models.delete(model_id))
        self.show({"deleted": model_id})

    def _document(self, model_id: str) -> dict[str, Any]:
        models = self.backend.workspace.models
        model = models.get_id(model_id)
        content = [{"path": item.path, "size": item.size, "digest": item.digest} for item in model.tree.files]
        return {**model.to_dict(), "content": content, "used_by": list(models.users(model))}

    def _change(self, model_id: str, body: ModelChangesBody) -> dict[str, Any]:
        models = self.backend.workspace.models
        model = models.get_id(model_id)
        model = relabelled(models, model, body)
        if body.description is not None:
            model = models.update(model, description=body.description)
        return model.to_dict()
