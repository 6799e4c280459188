# httpx-auth asks for a token when the first request needs one, and for a new one `early_expiry` seconds before it expires.
import os
import sys

import httpx
from httpx_auth import OAuth2ClientCredentials

auth = OAuth2ClientCredentials(
    os.environ["TOKEN_URL"],
    client_id=os.environ["CLIENT_ID"],
    client_secret=os.environ["CLIENT_SECRET"],
    early_expiry=300,
)

with httpx.Client(auth=auth, base_url=os.environ["API_URL"]) as api:
    # Reads the products each time Enter is pressed.
    for _ in sys.stdin:
        response = api.get("/products")
        response.raise_for_status()
        print(response.text)
