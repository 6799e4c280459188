# Authlib renews the token by itself: a session with the grant client_credentials asks for a new one `leeway` seconds early.
import os
import sys

from authlib.integrations.requests_client import OAuth2Session

api = OAuth2Session(
    os.environ["CLIENT_ID"],
    os.environ["CLIENT_SECRET"],
    token_endpoint=os.environ["TOKEN_URL"],
    grant_type="client_credentials",
    leeway=300,
)
api.fetch_token()

# Reads the products each time Enter is pressed.
for _ in sys.stdin:
    response = api.get(os.environ["API_URL"] + "/products")
    response.raise_for_status()
    print(response.text)
