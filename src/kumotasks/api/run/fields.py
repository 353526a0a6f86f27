"""The fields of google.cloud.run.v2's messages about services and revisions, as tables.

How a line is read stands in `api/descriptors.py`; a test holds all of them against Google's published client.
"""

from __future__ import annotations

from collections.abc import Mapping

FIELDS: Mapping[str, str] = {
    "CreateServiceRequest": """
        1 parent string
        2 service Service
        3 service_id string
        4 validate_only bool""",
    "Service": """
        1 name string
        2 description string
        3 uid string
        4 generation int64
        5 labels {string}
        6 annotations {string}
        7 create_time google.protobuf.Timestamp
        8 update_time google.protobuf.Timestamp
        9 delete_time google.protobuf.Timestamp
        10 expire_time google.protobuf.Timestamp
        11 creator string
        12 last_modifier string
        13 client string
        14 client_version string
        15 ingress IngressTraffic
        16 launch_stage google.api.LaunchStage
        17 binary_authorization BinaryAuthorization
        18 template RevisionTemplate
        19 traffic [TrafficTarget]
        20 scaling ServiceScaling
        21 invoker_iam_disabled bool
        22 default_uri_disabled bool
        24 urls [string]
        25 iap_enabled bool
        26 multi_region_settings Service.MultiRegionSettings
        37 custom_audiences [string]
        30 observed_generation int64
        31 terminal_condition Condition
        32 conditions [Condition]
        33 latest_ready_revision string
        34 latest_created_revision string
        35 traffic_statuses [TrafficTargetStatus]
        36 uri string
        38 satisfies_pzs bool
        40 threat_detection_enabled bool
        41 build_config BuildConfig
        98 reconciling bool
        99 etag string""",
    "BinaryAuthorization": """
        1 use_default bool | binauthz_method
        3 policy string | binauthz_method
        2 breakglass_justification string""",
    "RevisionTemplate": """
        1 revision string
        2 labels {string}
        3 annotations {string}
        4 scaling RevisionScaling
        6 vpc_access VpcAccess
        8 timeout google.protobuf.Duration
        9 service_account string
        10 containers [Container]
        11 volumes [Volume]
        13 execution_environment ExecutionEnvironment
        14 encryption_key string
        15 max_instance_request_concurrency int32
        16 service_mesh ServiceMesh
        17 encryption_key_revocation_action EncryptionKeyRevocationAction
        18 encryption_key_shutdown_duration google.protobuf.Duration
        19 session_affinity bool
        20 health_check_disabled bool
        21 node_selector NodeSelector
        24 gpu_zonal_redundancy_disabled bool?""",
    "RevisionScaling": """
        1 min_instance_count int32
        2 max_instance_count int32""",
    "VpcAccess": """
        1 connector string
        2 egress VpcAccess.VpcEgress
        3 network_interfaces [VpcAccess.NetworkInterface]""",
    "Container": """
        1 name string
        2 image string
        17 source_code SourceCode
        3 command [string]
        4 args [string]
        5 env [EnvVar]
        6 resources ResourceRequirements
        7 ports [ContainerPort]
        8 volume_mounts [VolumeMount]
        9 working_dir string
        10 liveness_probe Probe
        11 startup_probe Probe
        14 readiness_probe Probe
        12 depends_on [string]
        13 base_image_uri string
        15 build_info BuildInfo""",
    "SourceCode": """
        1 cloud_storage_source SourceCode.CloudStorageSource | source_type""",
    "EnvVar": """
        1 name string
        2 value string | values
        3 value_source EnvVarSource | values""",
    "EnvVarSource": """
        1 secret_key_ref SecretKeySelector""",
    "SecretKeySelector": """
        1 secret string
        2 version string""",
    "ResourceRequirements": """
        1 limits {string}
        2 cpu_idle bool
        3 startup_cpu_boost bool""",
    "ContainerPort": """
        1 name string
        3 container_port int32""",
    "VolumeMount": """
        1 name string
        3 mount_path string
        4 sub_path string""",
    "Probe": """
        1 initial_delay_seconds int32
        2 timeout_seconds int32
        3 period_seconds int32
        4 failure_threshold int32
        5 http_get HTTPGetAction | probe_type
        6 tcp_socket TCPSocketAction | probe_type
        7 grpc GRPCAction | probe_type""",
    "HTTPGetAction": """
        1 path string
        4 http_headers [HTTPHeader]
        5 port int32""",
    "HTTPHeader": """
        1 name string
        2 value string""",
    "TCPSocketAction": """
        1 port int32""",
    "GRPCAction": """
        1 port int32
        2 service string""",
    "BuildInfo": """
        1 function_target string
        2 source_location string""",
    "Volume": """
        1 name string
        2 secret SecretVolumeSource | volume_type
        3 cloud_sql_instance CloudSqlInstance | volume_type
        4 empty_dir EmptyDirVolumeSource | volume_type
        5 nfs NFSVolumeSource | volume_type
        6 gcs GCSVolumeSource | volume_type""",
    "SecretVolumeSource": """
        1 secret string
        2 items [VersionToPath]
        3 default_mode int32""",
    "VersionToPath": """
        1 path string
        2 version string
        3 mode int32""",
    "CloudSqlInstance": """
        1 instances [string]""",
    "EmptyDirVolumeSource": """
        1 medium EmptyDirVolumeSource.Medium
        2 size_limit string""",
    "NFSVolumeSource": """
        1 server string
        2 path string
        3 read_only bool""",
    "GCSVolumeSource": """
        1 bucket string
        2 read_only bool
        3 mount_options [string]""",
    "ServiceMesh": """
        1 mesh string""",
    "NodeSelector": """
        1 accelerator string""",
    "TrafficTarget": """
        1 type TrafficTargetAllocationType
        2 revision string
        3 percent int32
        4 tag string""",
    "ServiceScaling": """
        1 min_instance_count int32
        3 scaling_mode ServiceScaling.ScalingMode
        4 max_instance_count int32
        6 manual_instance_count int32?""",
    "Condition": """
        1 type string
        2 state Condition.State
        3 message string
        4 last_transition_time google.protobuf.Timestamp
        5 severity Condition.Severity
        6 reason Condition.CommonReason | reasons
        9 revision_reason Condition.RevisionReason | reasons
        11 execution_reason Condition.ExecutionReason | reasons""",
    "TrafficTargetStatus": """
        1 type TrafficTargetAllocationType
        2 revision string
        3 percent int32
        4 tag string
        5 uri string""",
    "BuildConfig": """
        1 name string
        2 source_location string
        3 function_target string
        4 image_uri string
        5 base_image string
        6 enable_automatic_updates bool
        7 worker_pool string
        8 environment_variables {string}
        9 service_account string""",
    "GetServiceRequest": """
        1 name string""",
    "ListServicesRequest": """
        1 parent string
        2 page_size int32
        3 page_token string
        4 show_deleted bool""",
    "ListServicesResponse": """
        1 services [Service]
        2 next_page_token string
        3 unreachable [string]""",
    "UpdateServiceRequest": """
        2 update_mask google.protobuf.FieldMask
        1 service Service
        3 validate_only bool
        4 allow_missing bool""",
    "DeleteServiceRequest": """
        1 name string
        2 validate_only bool
        3 etag string""",
    "GetRevisionRequest": """
        1 name string""",
    "ListRevisionsRequest": """
        1 parent string
        2 page_size int32
        3 page_token string
        4 show_deleted bool""",
    "ListRevisionsResponse": """
        1 revisions [Revision]
        2 next_page_token string""",
    "Revision": """
        1 name string
        2 uid string
        3 generation int64
        4 labels {string}
        5 annotations {string}
        6 create_time google.protobuf.Timestamp
        7 update_time google.protobuf.Timestamp
        8 delete_time google.protobuf.Timestamp
        9 expire_time google.protobuf.Timestamp
        10 launch_stage google.api.LaunchStage
        11 service string
        12 scaling RevisionScaling
        13 vpc_access VpcAccess
        34 max_instance_request_concurrency int32
        15 timeout google.protobuf.Duration
        16 service_account string
        17 containers [Container]
        18 volumes [Volume]
        20 execution_environment ExecutionEnvironment
        21 encryption_key string
        22 service_mesh ServiceMesh
        23 encryption_key_revocation_action EncryptionKeyRevocationAction
        24 encryption_key_shutdown_duration google.protobuf.Duration
        30 reconciling bool
        31 conditions [Condition]
        32 observed_generation int64
        33 log_uri string
        37 satisfies_pzs bool
        38 session_affinity bool
        39 scaling_status RevisionScalingStatus
        40 node_selector NodeSelector
        48 gpu_zonal_redundancy_disabled bool?
        49 creator string
        99 etag string""",
    "RevisionScalingStatus": """
        1 desired_min_instance_count int32""",
    "DeleteRevisionRequest": """
        1 name string
        2 validate_only bool
        3 etag string""",
    "VpcAccess.NetworkInterface": """
        1 network string
        2 subnetwork string
        3 tags [string]""",
    "SourceCode.CloudStorageSource": """
        1 bucket string
        2 object string
        3 generation int64""",
    "Service.MultiRegionSettings": """
        1 regions [string]
        2 multi_region_id string""",
}
ENUMS: Mapping[str, str] = {
    "Condition.CommonReason": """
        COMMON_REASON_UNDEFINED UNKNOWN REVISION_FAILED=3 PROGRESS_DEADLINE_EXCEEDED
        CONTAINER_MISSING=6 CONTAINER_PERMISSION_DENIED CONTAINER_IMAGE_UNAUTHORIZED
        CONTAINER_IMAGE_AUTHORIZATION_CHECK_FAILED ENCRYPTION_KEY_PERMISSION_DENIED
        ENCRYPTION_KEY_CHECK_FAILED SECRETS_ACCESS_CHECK_FAILED WAITING_FOR_OPERATION
        IMMEDIATE_RETRY POSTPONED_RETRY INTERNAL VPC_NETWORK_NOT_FOUND""",
    "Condition.ExecutionReason": """
        EXECUTION_REASON_UNDEFINED JOB_STATUS_SERVICE_POLLING_ERROR NON_ZERO_EXIT_CODE CANCELLED
        CANCELLING DELETED DELAYED_START_PENDING""",
    "Condition.RevisionReason": """
        REVISION_REASON_UNDEFINED PENDING RESERVE RETIRED RETIRING RECREATING
        HEALTH_CHECK_CONTAINER_ERROR CUSTOMIZED_PATH_RESPONSE_PENDING MIN_INSTANCES_NOT_PROVISIONED
        ACTIVE_REVISION_LIMIT_REACHED NO_DEPLOYMENT HEALTH_CHECK_SKIPPED MIN_INSTANCES_WARMING""",
    "Condition.Severity": """
        SEVERITY_UNSPECIFIED ERROR WARNING INFO""",
    "Condition.State": """
        STATE_UNSPECIFIED CONDITION_PENDING CONDITION_RECONCILING CONDITION_FAILED
        CONDITION_SUCCEEDED""",
    "EmptyDirVolumeSource.Medium": """
        MEDIUM_UNSPECIFIED MEMORY""",
    "EncryptionKeyRevocationAction": """
        ENCRYPTION_KEY_REVOCATION_ACTION_UNSPECIFIED PREVENT_NEW SHUTDOWN""",
    "ExecutionEnvironment": """
        EXECUTION_ENVIRONMENT_UNSPECIFIED EXECUTION_ENVIRONMENT_GEN1 EXECUTION_ENVIRONMENT_GEN2""",
    "IngressTraffic": """
        INGRESS_TRAFFIC_UNSPECIFIED INGRESS_TRAFFIC_ALL INGRESS_TRAFFIC_INTERNAL_ONLY
        INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER INGRESS_TRAFFIC_NONE""",
    "ServiceScaling.ScalingMode": """
        SCALING_MODE_UNSPECIFIED AUTOMATIC MANUAL""",
    "TrafficTargetAllocationType": """
        TRAFFIC_TARGET_ALLOCATION_TYPE_UNSPECIFIED TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST
        TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION""",
    "VpcAccess.VpcEgress": """
        VPC_EGRESS_UNSPECIFIED ALL_TRAFFIC PRIVATE_RANGES_ONLY""",
}
