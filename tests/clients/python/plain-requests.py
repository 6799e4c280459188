# No OAuth library: requests alone, and a token that is kept until five minutes before it expires.
import os
import sys
import time

import requests

token = {}
expires = 0


def new_token():
    answer = requests.post(
        os.environ["TOKEN_URL"],
        data={
            "grant_type": "client_credentials",
            "client_id": os.environ["CLIENT_ID"],
            "client_secret": os.environ["CLIENT_SECRET"],
        },
    ).json()
    if "error" in answer:
        sys.exit(f"no token: {answer['error']} ({answer['error_description']})")
    return answer


# Reads the products each time Enter is pressed.
for _ in sys.stdin:
    if time.time() > expires - 300:
        token = new_token()
        expires = time.time() + token["expires_in"]
    response = requests.get(
        os.environ["API_URL"] + "/products",
        headers={"Authorization": f"Bearer {token['access_token']}"},
    )
    response.raise_for_status()
    print(response.text)
