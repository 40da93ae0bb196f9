"""``/images`` and ``/builders``: the container images of the workspace."""

from __future__ import annotations

from functools import partial
from typing import Any

from jupyter_server.auth.decorator import authorized
from tornado import web

from ..core.names import check_image_name, check_service_name
from ..core.progress import Progress
from ..errors import InvalidInputError
from . import answers, deploying, registry_answers
from .base import ApiHandler, changes
from .documented import WAIT, documented
from .image_bodies import DeployImageBody, ImageBody, ImageChangesBody, PushBody
from .labels import relabelled, require_changes
from .operation import Operation


class ImagesHandler(ApiHandler):
    """All images."""

    @web.authenticated
    @authorized("read", resource="jupyter_mldeploy:services")
    @documented(
        "List images.",
        registry_answers.Images,
        query={
            "name": "only this one",
            "kind": "image, service, package or environment",
            "model": "only those with this model, name or name:version",
            "tag": "key or key=value",
        },
    )
    async def get(self) -> None:
        """See the OpenAPI document."""
        found = await self.backend.quick(
            lambda: self.backend.workspace.images.list(
                self.get_query_argument("name", None),
                kind=self.get_query_argument("kind", None),
                model=self.get_query_argument("model", None),
                tags=[text.split("=", 1) for text in self.get_query_arguments("tag")],
            )
        )
        self.show({"images": [image.to_dict() for image in found]})

    @web.authenticated
    @authorized("write", resource="jupyter_mldeploy:services")
    @changes
    @documented(
        "Build the image of a service's revision or of a bundle; the operation's result is the image.",
        answers.OperationInFull,
        body=ImageBody,
        query=WAIT,
        status=202,
    )
    async def post(self) -> None:
        """See the OpenAPI document."""
        body = self.body(ImageBody)
        name = check_image_name(body.name or body.service or "", field="name")
        bundle = await self.backend.quick(self._bundle, body)

        def build(operation: Operation) -> dict[str, Any]:
            return self.backend.workspace.images.build(
                name,
                self.backend.workspace.bundles.get(bundle),
                builder=body.builder,
                progress=Progress(body.timeout_s, operation.report, operation.cancelled),
                description=body.description,
                tags=body.tags,
            ).to_dict()

        await self.show_operation("build", name, build)

    def _bundle(self, body: ImageBody) -> str:
        if body.bundle is not None:
            return self.backend.workspace.bundles.get(body.bundle).digest
        catalogue = self.backend.workspace.catalogue
        record = catalogue.service(str(body.service))
        number = body.revision or record.live_revision
        if number is None:
            raise InvalidInputError(
                f"Service {record.name!r} has no revision that worked.", field="revision", hint="Name one."
            )
        return catalogue.revision(record.uid, number).bundle


class ImageHandler(ApiHandler):
    """One version of an image."""

    @web.authenticated
    @authorized("read", resource="jupyter_mldeploy:services")
    @documented("Show an image and who uses it.", registry_answers.ImageInFull)
    async def get(self, name: str, version: str) -> None:
        """See the OpenAPI document."""
        self.show(await self.backend.quick(self._document, f"{name}:{version}"))

    @web.authenticated
    @authorized("write", resource="jupyter_mldeploy:services")
    @changes
    @documented("Change tags or properties.", registry_answers.Image, body=ImageChangesBody)
    async def patch(self, name: str, version: str) -> None:
        """See the OpenAPI document."""
        body = self.body(ImageChangesBody)
        require_changes(body)
        self.show(await self.backend.quick(self._change, f"{name}:{version}", body))

    @web.authenticated
    @authorized("write", resource="jupyter_mldeploy:services")
    @changes
    @documented(
        "Delete one version, and its bytes on the engine; 409 names the service that runs it.", registry_answers.Done
    )
    async def delete(self, name: str, version: str) -> None:
        """See the OpenAPI document."""
        image_id = f"{name}:{version}"
        await self.backend.slow(lambda: self.backend.workspace.images.delete(image_id))
        self.show({"deleted": image_id})

    def _document(self, image_id: str) -> dict[str, Any]:
        images = self.backend.workspace.images
        image = images.get(image_id)
        return {**image.to_dict(), "used_by": list(images.users(image))}

    def _change(self, image_id: str, body: ImageChangesBody) -> dict[str, Any]:
        images = self.backend.workspace.images
        image = images.get(image_id)
        image = relabelled(images, image, body)
        return image.to_dict()


class ImageLogHandler(ApiHandler):
    """The build log of an image."""

    @web.authenticated
    @authorized("read", resource="jupyter_mldeploy:services")
    @documented(
        "Read an image's build log, which grows while it is built.",
        registry_answers.ImageLog,
        query={"offset": "bytes that have been read already"},
    )
    async def get(self, name: str, version: str) -> None:
        """See the OpenAPI document."""
        offset = self.number("offset", 0)
        self.show(await self.backend.quick(self._read, f"{name}:{version}", offset))

    def _read(self, image_id: str, offset: int) -> dict[str, Any]:
        images = self.backend.workspace.images
        image = images.get(image_id)
        text = images.read_log(image, offset=offset)
        return {"log": text, "offset": offset + len(text.encode("utf-8")), "creation_state": str(image.state)}


class DeployImageHandler(ApiHandler):
    """A service of an image's bytes."""

    @web.authenticated
    @authorized("write", resource="jupyter_mldeploy:services")
    @changes
    @documented(
        "Deploy the very bytes that an image was built from: create a service or bring it to a new revision.",
        answers.OperationInFull,
        body=DeployImageBody,
        query=WAIT,
        status=202,
    )
    async def post(self, name: str, version: str) -> None:
        """See the OpenAPI document."""
        body = self.body(DeployImageBody)
        goal = check_service_name(body.service, field="service")
        image = await self.backend.quick(self.backend.workspace.images.ready, f"{name}:{version}")
        config = await self.backend.quick(deploying.checked, self.backend, body.target, body.config)
        await self.show_operation(
            "deploy", goal, partial(deploying.deploy_image, self.backend, image.id, body, config),
            failure_card=partial(deploying.failure, self.backend, goal),
        )  # fmt: skip


class PushHandler(ApiHandler):
    """Pushing an image."""

    @web.authenticated
    @authorized("write", resource="jupyter_mldeploy:services")
    @changes
    @documented(
        "Push an image to a registry; the operation's result has its location by digest.",
        answers.OperationInFull,
        body=PushBody,
        query=WAIT,
        status=202,
    )
    async def post(self, name: str, version: str) -> None:
        """See the OpenAPI document."""
        body = self.body(PushBody)
        image = await self.backend.quick(self.backend.workspace.images.get, f"{name}:{version}")
        credentials = None
        if body.username is not None:
            credentials = {"username": body.username, "password": body.password or ""}

        def push(operation: Operation) -> dict[str, Any]:
            progress = Progress(body.timeout_s, operation.report, operation.cancelled)
            return self.backend.workspace.images.push_named(
                image, body.destination, credentials=credentials, progress=progress
            ).to_dict()

        await self.show_operation("push", image.name, push)


class BuildersHandler(ApiHandler):
    """Who can build images."""

    @web.authenticated
    @authorized("read", resource="jupyter_mldeploy:services")
    @documented("List the installed image builders and whether they can be used.", registry_answers.Builders)
    async def get(self) -> None:
        """See the OpenAPI document."""
        self.show({"builders": await self.backend.slow(self._describe)})

    def _describe(self) -> list[dict[str, Any]]:
        return self.backend.workspace.images.builders.describe()
