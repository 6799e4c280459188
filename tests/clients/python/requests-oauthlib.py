# requests-oauthlib raises TokenExpiredError instead of sending an expired token: then it needs a new one.
import os
import sys

from oauthlib.oauth2 import BackendApplicationClient, TokenExpiredError
from requests_oauthlib import OAuth2Session

api = OAuth2Session(client=BackendApplicationClient(client_id=os.environ["CLIENT_ID"]))


def fetch_token():
    api.fetch_token(os.environ["TOKEN_URL"], client_secret=os.environ["CLIENT_SECRET"])


def read_products():
    return api.get(os.environ["API_URL"] + "/products")


fetch_token()

# Reads the products each time Enter is pressed.
for _ in sys.stdin:
    try:
        response = read_products()
    except TokenExpiredError:
        fetch_token()
        response = read_products()
    response.raise_for_status()
    print(response.text)
