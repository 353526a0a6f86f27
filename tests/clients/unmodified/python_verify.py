"""A worker's check of the token that a task carries: google-auth's own, which asks Google for its certificates.

Arguments: the token, the audience.
"""

import sys

import google.auth.transport.requests
from google.oauth2 import id_token

token, audience = sys.argv[1:]
print(id_token.verify_oauth2_token(token, google.auth.transport.requests.Request(), audience)["email"])  # noqa: T201 - a program speaks
