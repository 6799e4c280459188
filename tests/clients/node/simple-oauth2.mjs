// simple-oauth2 knows when its token expires; a new one is asked for five minutes earlier.
import { createInterface } from 'node:readline';
import { ClientCredentials } from 'simple-oauth2';

const { CLIENT_ID, CLIENT_SECRET, TOKEN_URL, API_URL } = process.env;
const { origin, pathname } = new URL(TOKEN_URL);

const client = new ClientCredentials({
  client: { id: CLIENT_ID, secret: CLIENT_SECRET },
  auth: { tokenHost: origin, tokenPath: pathname },
});
let token;

// Reads the products each time Enter is pressed.
for await (const _ of createInterface({ input: process.stdin })) {
  if (!token || token.expired(300)) token = await client.getToken({});
  const response = await fetch(`${API_URL}/products`, {
    headers: { Authorization: `Bearer ${token.token.access_token}` },
  });
  if (!response.ok) throw new Error(`HTTP ${response.status}`);
  console.log(await response.text());
}
