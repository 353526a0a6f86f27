// Verifies an ID token as a worker on Node does: google-auth-library with the PEM map, Node's own crypto with the JWK
// set. Prints the claims that both found, as one line of JSON. Call: node verify.mjs SERVER TOKEN AUDIENCE

import crypto from 'node:crypto';
import gax from 'google-gax';

const [, , server, token, audience] = process.argv;
// What a program in the field needs no setting for: its certificates come from here, by the proxy.
const endpoints = {oauth2FederatedSignonPemCertsUrl: `${server}/oauth2/v1/certs`};
const client = new gax.googleAuthLibrary.OAuth2Client({endpoints});
const ticket = await client.verifyIdToken({idToken: token, audience});

const [head, body, signature] = token.split('.');
const part = (text) => JSON.parse(Buffer.from(text, 'base64url'));
const {keys} = await (await fetch(`${server}/oauth2/v3/certs`)).json();
const key = crypto.createPublicKey({key: keys.find((each) => each.kid === part(head).kid), format: 'jwk'});
const good = crypto.verify('RSA-SHA256', Buffer.from(`${head}.${body}`), key, Buffer.from(signature, 'base64url'));
if (!good) throw new Error('the JWK set does not verify it');
if (JSON.stringify(part(body)) !== JSON.stringify(ticket.getPayload())) throw new Error('two readings');
console.log(JSON.stringify(ticket.getPayload()));
