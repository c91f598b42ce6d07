"""The only table of the role and scope that each RPC requires. A missing RPC is refused and fails a test."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from locution_common.errors import Reason, Refused

from locution_gateway.platform.authorise import require_scope
from locution_gateway.platform.principal import Principal, Role, Scope


@dataclass(frozen=True, slots=True)
class Policy:
    """What one RPC requires of its caller. `public` needs no credential; without a scope any key may call it."""

    least: Role = Role.VIEWER
    scope: Scope | None = None
    public: bool = False


PUBLIC: Final = Policy(public=True)
ANYONE: Final = Policy()


def _service(name: str, **methods: Policy) -> dict[str, Policy]:
    return {f"/locution.v1.{name}Service/{method}": policy for method, policy in methods.items()}


_READ_UPLOADS: Final = Policy(Role.VIEWER, Scope.UPLOADS_READ)
_WRITE_UPLOADS: Final = Policy(Role.MEMBER, Scope.UPLOADS_WRITE)
_READ_JOBS: Final = Policy(Role.VIEWER, Scope.JOBS_READ)
_WRITE_JOBS: Final = Policy(Role.MEMBER, Scope.JOBS_WRITE)
_READ_TRANSCRIPTS: Final = Policy(Role.VIEWER, Scope.TRANSCRIPTS_READ)
_READ_MODELS: Final = Policy(Role.VIEWER, Scope.MODELS_READ)
_WRITE_MODELS: Final = Policy(Role.OPERATOR, Scope.MODELS_WRITE)
_READ_LIVE: Final = Policy(Role.VIEWER, Scope.LIVE)
_WRITE_LIVE: Final = Policy(Role.MEMBER, Scope.LIVE)
_READ_VOICES: Final = Policy(Role.VIEWER, Scope.VOICES_READ)
_WRITE_VOICES: Final = Policy(Role.MEMBER, Scope.VOICES_WRITE)
_READ_ACCOUNT: Final = Policy(Role.VIEWER, Scope.ACCOUNT_READ)
_WRITE_ACCOUNT: Final = Policy(Role.VIEWER, Scope.ACCOUNT_WRITE)
_READ_SETTINGS: Final = Policy(Role.VIEWER, Scope.ADMINISTRATION_READ)
_READ_TENANT: Final = Policy(Role.ADMIN, Scope.ADMINISTRATION_READ)
_WRITE_TENANT: Final = Policy(Role.ADMIN, Scope.ADMINISTRATION_WRITE)
_OPERATE_READ: Final = Policy(Role.OPERATOR, Scope.ADMINISTRATION_READ)
_OPERATE: Final = Policy(Role.OPERATOR, Scope.ADMINISTRATION_WRITE)

POLICIES: Final[Mapping[str, Policy]] = {
    **_service(
        "Upload",
        CreateUpload=_WRITE_UPLOADS,
        WriteUpload=_WRITE_UPLOADS,
        CompleteUpload=_WRITE_UPLOADS,
        GetUpload=_READ_UPLOADS,
        ListUploads=_READ_UPLOADS,
        DeleteUpload=_WRITE_UPLOADS,
        CreateUploadPartUrls=_WRITE_UPLOADS,
    ),
    **_service(
        "Job",
        CreateJob=_WRITE_JOBS,
        GetJob=_READ_JOBS,
        ListJobs=_READ_JOBS,
        WatchJob=_READ_JOBS,
        CancelJob=_WRITE_JOBS,
        RetryJob=_WRITE_JOBS,
        UpdateJob=_WRITE_JOBS,
        DeleteJob=_WRITE_JOBS,
        BatchDeleteJobs=_WRITE_JOBS,
        EstimateJob=_READ_JOBS,
    ),
    **_service(
        "Transcript",
        GetTranscript=_READ_TRANSCRIPTS,
        ListSegments=_READ_TRANSCRIPTS,
        ExportTranscript=_READ_TRANSCRIPTS,
    ),
    **_service(
        "Model",
        RegisterModel=_WRITE_MODELS,
        GetModel=_READ_MODELS,
        ListModels=_READ_MODELS,
        SetDefaultModel=_WRITE_MODELS,
        DisableModel=_WRITE_MODELS,
        EnableModel=_WRITE_MODELS,
    ),
    **_service("Tag", ListTags=_READ_JOBS, RenameTag=_WRITE_JOBS, DeleteTag=_WRITE_JOBS),
    **_service(
        "Webhook",
        CreateWebhook=_WRITE_TENANT,
        GetWebhook=_READ_TENANT,
        ListWebhooks=_READ_TENANT,
        UpdateWebhook=_WRITE_TENANT,
        DeleteWebhook=_WRITE_TENANT,
        RotateWebhookSecret=_WRITE_TENANT,
        TestWebhook=_WRITE_TENANT,
        ListWebhookDeliveries=_READ_TENANT,
        RedeliverWebhook=_WRITE_TENANT,
    ),
    **_service(
        "Voice",
        CreateVoice=_WRITE_VOICES,
        GetVoice=_READ_VOICES,
        ListVoices=_READ_VOICES,
        UpdateVoice=_WRITE_VOICES,
        DeleteVoice=_WRITE_VOICES,
    ),
    **_service("Live", Stream=_WRITE_LIVE, ListSessions=_READ_LIVE, GetSession=_READ_LIVE, EndSession=_WRITE_LIVE),
    **_service("System", GetServerInfo=ANYONE),
    **_service(
        "Account",
        Login=PUBLIC,
        RefreshSession=PUBLIC,
        Register=PUBLIC,
        Logout=_WRITE_ACCOUNT,
        ChangePassword=_WRITE_ACCOUNT,
        GetCaller=ANYONE,
        GetPreferences=_READ_ACCOUNT,
        UpdatePreferences=_WRITE_ACCOUNT,
        CreateApiKey=_WRITE_ACCOUNT,
        ListApiKeys=_READ_ACCOUNT,
        RotateApiKey=_WRITE_ACCOUNT,
        RevokeApiKey=_WRITE_ACCOUNT,
    ),
    **_service(
        "Administration",
        CreateTenant=_OPERATE,
        GetTenant=_READ_TENANT,
        ListTenants=_OPERATE_READ,
        UpdateTenant=_OPERATE,
        GetTenantSettings=_READ_SETTINGS,
        UpdateTenantSettings=_WRITE_TENANT,
        GetUser=_READ_TENANT,
        ListUsers=_READ_TENANT,
        UpdateUser=_WRITE_TENANT,
        ResetPassword=_WRITE_TENANT,
        DeleteUser=_WRITE_TENANT,
        CreateInvitation=_WRITE_TENANT,
        ListInvitations=_READ_TENANT,
        DeleteInvitation=_WRITE_TENANT,
        CreateTenantApiKey=_WRITE_TENANT,
        ListTenantApiKeys=_READ_TENANT,
        RotateTenantApiKey=_WRITE_TENANT,
        RevokeTenantApiKey=_WRITE_TENANT,
        CreateIssuer=_OPERATE,
        ListIssuers=_READ_TENANT,
        DeleteIssuer=_OPERATE,
        GetQuotas=_READ_TENANT,
        UpdateQuotas=_OPERATE,
        GetUsage=_READ_TENANT,
    ),
}


def check(policy: Policy, principal: Principal) -> None:
    """Refuse with PERMISSION_DENIED unless the principal satisfies a policy."""
    if principal.role.rank < policy.least.rank:
        needed = policy.least.value
        raise Refused(Reason.PERMISSION_DENIED, f"this requires the role {needed}", metadata={"role": needed})
    if policy.scope is not None:
        require_scope(principal, policy.scope)
