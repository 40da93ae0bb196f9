"""How requests reach the pods: Service, Ingress, HTTPRoute, NetworkPolicy, and cert-manager's Certificate."""

from __future__ import annotations

from typing import Any

from .blueprint import Blueprint
from .names import PORT

_TYPES = {"node-port": "NodePort", "load-balancer": "LoadBalancer"}


def service(blueprint: Blueprint) -> dict[str, Any]:
    """Return the Service. Its selector names the live revision: changing it is the moment of a swap."""
    config = blueprint.config
    port: dict[str, Any] = {
        "name": "https" if config.tls else "http",
        "port": 443 if config.tls else 80,
        "targetPort": PORT,
        "protocol": "TCP",
    }
    if config.node_port is not None:
        port["nodePort"] = config.node_port
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {
            "name": blueprint.service,
            "namespace": blueprint.namespace,
            "labels": blueprint.labels,
            "annotations": {
                **blueprint.service_annotations,
                **({} if config.routed else config.service_annotations),
            },
        },
        "spec": {
            "type": _TYPES.get(config.access, "ClusterIP"),
            "selector": blueprint.selector,
            "ports": [
                port,
                *(
                    {"name": name, "port": number, "targetPort": number, "protocol": "TCP"}
                    for name, number in config.extra_ports.items()
                ),
            ],
        },
    }


def ingress(blueprint: Blueprint) -> dict[str, Any]:
    """Return the Ingress that leads from a host and path to the Service."""
    config = blueprint.config
    backend = {"service": {"name": blueprint.service, "port": {"number": 443 if config.tls else 80}}}
    path = {"path": config.path_prefix(blueprint.service) or "/", "pathType": "Prefix", "backend": backend}
    spec: dict[str, Any] = {"rules": [{"host": config.host, "http": {"paths": [path]}}]}
    annotations = dict(config.service_annotations)
    if config.ingress_class:
        spec["ingressClassName"] = config.ingress_class
    if config.tls:
        spec["tls"] = [{"hosts": [config.host], "secretName": blueprint.tls_secret}]
        # nginx and traefik need to be told that the pods speak TLS themselves.
        annotations.setdefault("nginx.ingress.kubernetes.io/backend-protocol", "HTTPS")
        annotations.setdefault("traefik.ingress.kubernetes.io/service.serversscheme", "https")
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {
            "name": blueprint.service,
            "namespace": blueprint.namespace,
            "labels": blueprint.labels,
            "annotations": annotations,
        },
        "spec": spec,
    }


def route(blueprint: Blueprint) -> dict[str, Any]:
    """Return the HTTPRoute that leads from a Gateway to the Service."""
    config = blueprint.config
    space, _, name = (config.gateway or "").rpartition("/")
    parent = {"name": name, **({"namespace": space} if space else {})}
    prefix = {"type": "PathPrefix", "value": config.path_prefix(blueprint.service) or "/"}
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {"name": blueprint.service, "namespace": blueprint.namespace, "labels": blueprint.labels},
        "spec": {
            "parentRefs": [parent],
            "hostnames": [config.host],
            "rules": [
                {
                    "matches": [{"path": prefix}],
                    "backendRefs": [{"name": blueprint.service, "port": 443 if config.tls else 80, "weight": 100}],
                }
            ],
        },
    }


def network_policy(blueprint: Blueprint) -> dict[str, Any]:
    """Return the NetworkPolicy that lets in the own namespace only, or all namespaces and nobody from outside."""
    peer: dict[str, Any] = (
        {"podSelector": {}} if blueprint.config.network_policy == "namespace" else {"namespaceSelector": {}}
    )
    pods = {key: value for key, value in blueprint.selector.items() if not key.endswith("/revision")}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": blueprint.service, "namespace": blueprint.namespace, "labels": blueprint.labels},
        "spec": {
            "podSelector": {"matchLabels": pods},
            "policyTypes": ["Ingress"],
            "ingress": [{"from": [peer], "ports": [{"protocol": "TCP", "port": PORT}]}],
        },
    }


def certificate(blueprint: Blueprint) -> dict[str, Any]:
    """Return cert-manager's Certificate, which fills and renews the TLS Secret."""
    config = blueprint.config
    return {
        "apiVersion": "cert-manager.io/v1",
        "kind": "Certificate",
        "metadata": {"name": blueprint.service, "namespace": blueprint.namespace, "labels": blueprint.labels},
        "spec": {
            "secretName": blueprint.tls_secret,
            "dnsNames": [config.host],
            "issuerRef": {"name": config.tls_issuer, "kind": "ClusterIssuer", "group": "cert-manager.io"},
        },
    }
