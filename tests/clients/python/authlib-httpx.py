# Authlib over httpx, with asyncio. It renews the token by itself, `leeway` seconds early.
import asyncio
import os
import sys

from authlib.integrations.httpx_client import AsyncOAuth2Client


async def main():
    async with AsyncOAuth2Client(
        os.environ["CLIENT_ID"],
        os.environ["CLIENT_SECRET"],
        token_endpoint=os.environ["TOKEN_URL"],
        grant_type="client_credentials",
        leeway=300,
    ) as api:
        await api.fetch_token()

        # Reads the products each time Enter is pressed.
        while await asyncio.to_thread(sys.stdin.readline):
            response = await api.get(os.environ["API_URL"] + "/products")
            response.raise_for_status()
            print(response.text)


asyncio.run(main())
