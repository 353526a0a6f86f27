"""The table of OAuth's pages, under every path that Google serves them at. All are open: their proof is in them."""

from __future__ import annotations

from kumotasks.api.call import PageRoute
from kumotasks.api.oauth.discovery import Discovery
from kumotasks.api.oauth.form import refusals_told
from kumotasks.api.oauth.grants import Grants
from kumotasks.api.oauth.inspection import Inspection
from kumotasks.api.oauth.key_sets import KeySets
from kumotasks.api.oauth.revocation import Revocation
from kumotasks.service.certificates import Certificates
from kumotasks.service.identity import Identity


def oauth_pages(identity: Identity, certificates: Certificates, discovery: Discovery) -> tuple[PageRoute, ...]:
    """The table."""
    token = refusals_told(Grants(identity).token)
    inspection = Inspection(identity)
    info, old_info = refusals_told(inspection.token_info), refusals_told(inspection.old_token_info)
    revoke = refusals_told(Revocation(identity).revoke)
    keys = KeySets(certificates)
    return (
        PageRoute("POST", "/token", token),
        PageRoute("POST", "/oauth2/v3/token", token),
        PageRoute("POST", "/oauth2/v4/token", token),
        PageRoute("POST", "/o/oauth2/token", token),
        PageRoute("GET", "/tokeninfo", info),
        PageRoute("POST", "/tokeninfo", info),
        PageRoute("GET", "/oauth2/v3/tokeninfo", info),
        PageRoute("POST", "/oauth2/v3/tokeninfo", info),
        PageRoute("GET", "/oauth2/v1/tokeninfo", old_info),
        PageRoute("POST", "/oauth2/v1/tokeninfo", old_info),
        PageRoute("GET", "/oauth2/v2/tokeninfo", old_info),
        PageRoute("POST", "/oauth2/v2/tokeninfo", old_info),
        PageRoute("GET", "/v1/userinfo", inspection.user_info),
        PageRoute("POST", "/v1/userinfo", inspection.user_info),
        PageRoute("GET", "/oauth2/v3/userinfo", inspection.user_info),
        PageRoute("GET", "/oauth2/v1/userinfo", inspection.old_user_info),
        PageRoute("GET", "/oauth2/v2/userinfo", inspection.old_user_info),
        PageRoute("POST", "/revoke", revoke),
        PageRoute("POST", "/o/oauth2/revoke", revoke),
        PageRoute("GET", "/oauth2/v1/certs", keys.own_certificates),
        PageRoute("GET", "/oauth2/v3/certs", keys.own_set),
        PageRoute("GET", "/robot/v1/metadata/x509/{account}", keys.account_certificates),
        PageRoute("GET", "/robot/v1/metadata/jwk/{account}", keys.account_set),
        PageRoute("GET", "/service_accounts/v1/metadata/x509/{account}", keys.account_certificates),
        PageRoute("GET", "/service_accounts/v1/metadata/jwk/{account}", keys.account_set),
        PageRoute("GET", "/service_accounts/v1/jwk/{account}", keys.account_set),
        PageRoute("GET", "/.well-known/openid-configuration", discovery.configuration),
    )
