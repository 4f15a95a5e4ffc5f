"""ApiVersions (18): what can be asked on this listener. It is the first thing a client asks.

A version of the request that we do not know is answered in version 0, the one that every client
can read, with UNSUPPORTED_VERSION and our range for this API alone; the client then asks again
(KIP-511).
"""

from __future__ import annotations

import re

from broker.api.context import Broker
from broker.api.table import API_VERSIONS, APIS, CONTROLLER_APIS, Api
from broker.events import Now, RequestArrived
from broker.metadata.features import SUPPORTED
from broker.wire.errors import ErrorCode
from broker.wire.messages.api_versions import (
    ApiVersion,
    ApiVersionsRequest,
    ApiVersionsResponse,
    FinalizedFeatureKey,
    SupportedFeatureKey,
)

_SOFTWARE = re.compile(r"[a-zA-Z0-9](?:[a-zA-Z0-9\-.]*[a-zA-Z0-9])?")


def handle(
    broker: Broker, request: RequestArrived, body: ApiVersionsRequest | None, now: Now
) -> ApiVersionsResponse:
    """The table of APIs, and the features that the cluster has settled on."""
    if body is None:
        return ApiVersionsResponse(
            error_code=ErrorCode.UNSUPPORTED_VERSION, api_keys=[_row(APIS[API_VERSIONS])]
        )
    if request.api_version >= 3 and not (
        _SOFTWARE.fullmatch(body.client_software_name)
        and _SOFTWARE.fullmatch(body.client_software_version)
    ):
        return ApiVersionsResponse(error_code=ErrorCode.INVALID_REQUEST, api_keys=[])
    apis = CONTROLLER_APIS if request.to_controller else APIS
    return ApiVersionsResponse(
        api_keys=[_row(api) for api in apis.values()],
        supported_features=[
            SupportedFeatureKey(
                name=name, min_version=levels.min_version, max_version=levels.max_version
            )
            for name, levels in SUPPORTED.items()
        ],
        finalized_features_epoch=broker.image.offset,
        finalized_features=[
            FinalizedFeatureKey(name=name, max_version_level=level, min_version_level=level)
            for name, level in sorted(broker.image.features.items())
        ],
    )


def _row(api: Api) -> ApiVersion:
    return ApiVersion(api_key=api.key, min_version=api.advertised_from, max_version=api.max_version)
