"""The keys of v1's ``deploymentconfig.json``: what each was called in the SDK, and which compute types read it.

Section 1.14 of the facts: all keys lie at the top level or one level below it. A target of ours whose configuration
has the SDK parameter's name takes the key over; on any other target the key has no effect and is named.
"""

from __future__ import annotations

from dataclasses import dataclass

#: computeType as v1's commands took it (in any case) → the target of ours.
COMPUTE_TYPES: dict[str, str] = {"local": "local", "aci": "aci", "aks": "aks", "aksendpoint": "aks"}


@dataclass(frozen=True, slots=True)
class ConfigKey:
    """One key of a configuration file of Azure's.

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

V1_KEYS: tuple[ConfigKey, ...] = (
    ConfigKey("port", ("port",)),
    ConfigKey(f"{_RESOURCES}.cpu", ("cpu_cores",)),
    ConfigKey(f"{_RESOURCES}.memoryInGB", ("memory_gb",)),
    ConfigKey(f"{_RESOURCES}.cpuLimit", ("cpu_cores_limit",)),
    ConfigKey(f"{_RESOURCES}.memoryInGBLimit", ("memory_gb_limit",)),
    ConfigKey("gpuCores", ("gpu_cores",)),
    ConfigKey("location", ("location",)),
    ConfigKey("authEnabled", ("auth_enabled",)),
    ConfigKey("tokenAuthEnabled", ("token_auth_enabled",)),
    ConfigKey("keys.primaryKey", ()),
    ConfigKey("keys.secondaryKey", ()),
    ConfigKey("appInsightsEnabled", ("enable_app_insights",)),
    ConfigKey("sslEnabled", ("ssl_enabled",)),
    ConfigKey("sslCertificate", ("ssl_cert_pem_file",)),
    ConfigKey("sslKey", ("ssl_key_pem_file",)),
    ConfigKey("cname", ("ssl_cname",)),
    ConfigKey("dnsNameLabel", ("dns_name_label",)),
    ConfigKey("vaultBaseUrl", ("cmk_vault_base_url",)),
    ConfigKey("keyName", ("cmk_key_name",)),
    ConfigKey("keyVersion", ("cmk_key_version",)),
    ConfigKey("vnetName", ("vnet_name",)),
    ConfigKey("subnetName", ("subnet_name",)),
    ConfigKey(f"{_SCALER}.autoscaleEnabled", ("autoscale_enabled",)),
    ConfigKey(f"{_SCALER}.minReplicas", ("autoscale_min_replicas",)),
    ConfigKey(f"{_SCALER}.maxReplicas", ("autoscale_max_replicas",)),
    ConfigKey(f"{_SCALER}.refreshPeriodInSeconds", ("autoscale_refresh_seconds",)),
    ConfigKey(f"{_SCALER}.targetUtilization", ("autoscale_target_utilization",)),
    ConfigKey("numReplicas", ("num_replicas",), "--workers N starts several worker processes"),
    ConfigKey("dataCollection.storageEnabled", ("collect_model_data",)),
    ConfigKey("scoringTimeoutMs", ("scoring_timeout_ms",)),
    ConfigKey("maxConcurrentRequestsPerContainer", ("replica_max_concurrent_requests",)),
    ConfigKey("maxQueueWaitMs", ("max_request_wait_time",)),
    ConfigKey(f"{_PROBE}.periodSeconds", ("period_seconds",)),
    ConfigKey(f"{_PROBE}.initialDelaySeconds", ("initial_delay_seconds",)),
    ConfigKey(f"{_PROBE}.timeoutSeconds", ("timeout_seconds",)),
    ConfigKey(f"{_PROBE}.successThreshold", ("success_threshold",)),
    ConfigKey(f"{_PROBE}.failureThreshold", ("failure_threshold",)),
    ConfigKey("namespace", ("namespace",)),
    ConfigKey("computeTargetName", ("compute_target_name",)),
    ConfigKey("versionName", ("version_name",)),
    ConfigKey("trafficPercentile", ("traffic_percentile",)),
    # v1 took these three from its command line and ignored them in the file.
    ConfigKey("tags", ("tags",)),
    ConfigKey("properties", ("properties",)),
    ConfigKey("description", ("description",)),
)

BY_PATH: dict[str, ConfigKey] = {key.path: key for key in V1_KEYS}
#: Keys that hold other keys.
SECTIONS: frozenset[str] = frozenset(key.path.partition(".")[0] for key in V1_KEYS if "." in key.path)
#: Keys whose value is a dictionary of the user's own keys.
FREE: frozenset[str] = frozenset({"tags", "properties"})
