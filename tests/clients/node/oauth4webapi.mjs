// oauth4webapi makes the requests and checks the answers; which way the credentials go is always said.
import { createInterface } from 'node:readline';
import * as oauth from 'oauth4webapi';

const { CLIENT_ID, CLIENT_SECRET, TOKEN_URL, API_URL } = process.env;

const server = { issuer: API_URL, token_endpoint: TOKEN_URL };
const client = { client_id: CLIENT_ID };
const authentication = oauth.ClientSecretPost(CLIENT_SECRET);

async function newToken() {
  const response = await oauth.clientCredentialsGrantRequest(server, client, authentication, new URLSearchParams());
  const token = await oauth.processClientCredentialsResponse(server, client, response);
  return { ...token, expires: Date.now() + token.expires_in * 1000 };
}

let token;

// Reads the products each time Enter is pressed.
for await (const _ of createInterface({ input: process.stdin })) {
  // A new token five minutes before the old one expires.
  if (!token || Date.now() > token.expires - 300_000) token = await newToken();
  const response = await oauth.protectedResourceRequest(token.access_token, 'GET', new URL(`${API_URL}/products`));
  if (!response.ok) throw new Error(`HTTP ${response.status}`);
  console.log(await response.text());
}
