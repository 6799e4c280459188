// openid-client sends the credentials in the body. It keeps no token, so this does.
import { createInterface } from 'node:readline';
import * as oauth from 'openid-client';

const { CLIENT_ID, CLIENT_SECRET, TOKEN_URL, API_URL } = process.env;

const server = { issuer: API_URL, token_endpoint: TOKEN_URL };
const config = new oauth.Configuration(server, CLIENT_ID, CLIENT_SECRET);
let token;

// Reads the products each time Enter is pressed.
for await (const _ of createInterface({ input: process.stdin })) {
  // expiresIn() is in seconds: five minutes before the end it is time for a new token.
  if (!token || token.expiresIn() < 300) token = await oauth.clientCredentialsGrant(config);
  const response = await oauth.fetchProtectedResource(config, token.access_token, new URL(`${API_URL}/products`), 'GET');
  if (!response.ok) throw new Error(`HTTP ${response.status}`);
  console.log(await response.text());
}
