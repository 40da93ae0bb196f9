"""The keys of v1's ``deploymentconfig.json``: what each was called in the SDK, and which compute types read it.

Section 1.14 of the facts: all keys lie at the top level or one level below it. A target of ours whose configuration
has the SDK parameter's name takes the key over; on any other target the key has no effect and is named.
"""

from __future__ import annotations

from dataclasses import dataclass

#: computeType as v1's commands took it (in any case) → the target of ours.
COMPUTE_TYPES: dict[str, str] = {"local": "local", "aci": "aci", "aks": "aks", "aksendpoint": "aks"}


@dataclass(frozen=True, slots=True)
class V1Key:
    """One key.

    Attributes:
        path: as it is written in the file, dots between levels.
        fields: keys of our configurations that mean the same, the SDK's parameter first.
        instead: what to use where it has no effect, or an empty text.
    """

    path: str
    fields: tuple[str, ...]
    instead: str = ""


_RESOURCES = "containerResourceRequirements"
_SCALER = "autoScaler"
_PROBE = "livenessProbeRequirements"

V1_KEYS: tuple[V1Key, ...] = (
    V1Key("port", ("port",)),
    V1Key(f"{_RESOURCES}.cpu", ("cpu_cores",)),
    V1Key(f"{_RESOURCES}.memoryInGB", ("memory_gb", "memory_limit_gb")),
    V1Key(f"{_RESOURCES}.cpuLimit", ("cpu_cores_limit",)),
    V1Key(f"{_RESOURCES}.memoryInGBLimit", ("memory_gb_limit",)),
    V1Key("gpuCores", ("gpu_cores",)),
    V1Key("location", ("location",)),
    V1Key("authEnabled", ("auth_enabled",)),
    V1Key("tokenAuthEnabled", ("token_auth_enabled",)),
    V1Key("keys.primaryKey", ()),
    V1Key("keys.secondaryKey", ()),
    V1Key("appInsightsEnabled", ("enable_app_insights",)),
    V1Key("sslEnabled", ("ssl_enabled",)),
    V1Key("sslCertificate", ("ssl_cert_pem_file",)),
    V1Key("sslKey", ("ssl_key_pem_file",)),
    V1Key("cname", ("ssl_cname",)),
    V1Key("dnsNameLabel", ("dns_name_label",)),
    V1Key("vaultBaseUrl", ("cmk_vault_base_url",)),
    V1Key("keyName", ("cmk_key_name",)),
    V1Key("keyVersion", ("cmk_key_version",)),
    V1Key("vnetName", ("vnet_name",)),
    V1Key("subnetName", ("subnet_name",)),
    V1Key(f"{_SCALER}.autoscaleEnabled", ("autoscale_enabled",)),
    V1Key(f"{_SCALER}.minReplicas", ("autoscale_min_replicas",)),
    V1Key(f"{_SCALER}.maxReplicas", ("autoscale_max_replicas",)),
    V1Key(f"{_SCALER}.refreshPeriodInSeconds", ("autoscale_refresh_seconds",)),
    V1Key(f"{_SCALER}.targetUtilization", ("autoscale_target_utilization",)),
    V1Key("numReplicas", ("num_replicas",), "--workers N starts several worker processes"),
    V1Key("dataCollection.storageEnabled", ("collect_model_data",)),
    V1Key("scoringTimeoutMs", ("scoring_timeout_ms",)),
    V1Key("maxConcurrentRequestsPerContainer", ("replica_max_concurrent_requests",)),
    V1Key("maxQueueWaitMs", ("max_request_wait_time",)),
    V1Key(f"{_PROBE}.periodSeconds", ("period_seconds",)),
    V1Key(f"{_PROBE}.initialDelaySeconds", ("initial_delay_seconds",)),
    V1Key(f"{_PROBE}.timeoutSeconds", ("timeout_seconds",)),
    V1Key(f"{_PROBE}.successThreshold", ("success_threshold",)),
    V1Key(f"{_PROBE}.failureThreshold", ("failure_threshold",)),
    V1Key("namespace", ("namespace",)),
    V1Key("computeTargetName", ("compute_target_name",)),
    V1Key("versionName", ("version_name",)),
    V1Key("trafficPercentile", ("traffic_percentile",)),
    # v1 took these three from its command line and ignored them in the file.
    V1Key("tags", ("tags",)),
    V1Key("properties", ("properties",)),
    V1Key("description", ("description",)),
)

BY_PATH: dict[str, V1Key] = {key.path: key for key in V1_KEYS}
#: Keys that hold other keys.
SECTIONS: frozenset[str] = frozenset(key.path.partition(".")[0] for key in V1_KEYS if "." in key.path)
#: Keys whose value is a dictionary of the user's own keys.
FREE: frozenset[str] = frozenset({"tags", "properties"})
