// @badgateway/oauth2-client wraps fetch: it asks for a token when there is none, when it has expired, and after a 401.
import { createInterface } from 'node:readline';
import { OAuth2Client, OAuth2Fetch } from '@badgateway/oauth2-client';

const { CLIENT_ID, CLIENT_SECRET, TOKEN_URL, API_URL } = process.env;

const client = new OAuth2Client({
  server: API_URL,
  tokenEndpoint: TOKEN_URL,
  clientId: CLIENT_ID,
  clientSecret: CLIENT_SECRET,
});
const api = new OAuth2Fetch({ client, getNewToken: () => client.clientCredentials() });

// Reads the products each time Enter is pressed.
for await (const _ of createInterface({ input: process.stdin })) {
  const response = await api.fetch(`${API_URL}/products`);
  if (!response.ok) throw new Error(`HTTP ${response.status}`);
  console.log(await response.text());
}
