// Drives Google's published Node client: a JSON line {rpc, request} in, a JSON line {answer} or {refused} out.
// Requests and answers are proto JSON, so that the stories are those of every other language.
// Call: node driver.mjs grpc|rest HOST PORT

import {readFileSync} from 'node:fs';
import readline from 'node:readline';
import {v2} from '@google-cloud/tasks';
import gax from 'google-gax';
import {fromProto3JSON, toProto3JSON} from 'proto3-json-serializer';

const [, , transport, host, port] = process.argv;
const rest = transport === 'rest';
// Credentials that ask nobody and sign nothing.
const auth = new gax.GoogleAuth({authClient: new gax.googleAuthLibrary.PassThroughClient(), projectId: 'kumo-local'});
const client = new v2.CloudTasksClient({
  apiEndpoint: host,
  port: Number(port),
  auth,
  ...(rest ? {fallback: true, protocol: 'http'} : {sslCreds: gax.grpc.credentials.createInsecure()}),
});

const PAGED = {ListQueues: 'queues', ListTasks: 'tasks', ListLocations: 'locations'};
const own = protos('@google-cloud/tasks/build/protos/protos.json', 'google.cloud.tasks.v2.CloudTasks');
const locations = protos('google-gax/build/protos/locations.json', 'google.cloud.location.Locations');
const methods = {...own, ...locations};
// HTTP statuses of the codes that the stories meet
const STATUS = {3: 400, 5: 404, 6: 409, 9: 400, 10: 409};

// The RPCs of a service, as the client's own descriptors have them.
function protos(file, service) {
  const json = JSON.parse(readFileSync(new URL(`./node_modules/${file}`, import.meta.url), 'utf8'));
  const root = gax.protobuf.Root.fromJSON(json).resolveAll();
  const found = root.lookupService(service).methods;
  return Object.fromEntries(Object.entries(found).map(([name, method]) => [name, method.resolve()]));
}

async function call(rpc, json) {
  const method = methods[rpc];
  if (!method) throw new Error(`this client has no ${rpc}`);
  const request = fromProto3JSON(method.resolvedRequestType, json);
  if (json.updateMask) request.updateMask = {paths: json.updateMask.split(',').map(snake)};
  const name = rpc[0].toLowerCase() + rpc.slice(1);
  if (rpc === 'ListLocations') return oneByOne(method, client.listLocationsAsync(request));
  if (rpc in PAGED) return paged(method, name, PAGED[rpc], request);
  const [answer] = await client[name](request);
  return printed(method.resolvedResponseType, answer);
}

function offered(rpc) {
  const name = rpc[0].toLowerCase() + rpc.slice(1);
  return name in client || `${name}Async` in client;
}

async function paged(method, name, items, request) {
  const pages = [];
  const type = method.resolvedResponseType.fields[items].resolve().resolvedType;
  for (let next = request; next; ) {
    const [page, following] = await client[name](next, {autoPaginate: false});
    pages.push(page.map(each => printed(type, each)));
    next = following;
  }
  return {[items]: pages.flat(), pages: pages.map(page => page.length)};
}

// The client hides the pages of ListLocations: only what they hold is seen.
async function oneByOne(method, iterable) {
  const type = method.resolvedResponseType.fields.locations.resolve().resolvedType;
  const found = [];
  for await (const each of iterable) found.push(printed(type, each));
  return {locations: found};
}

// Paths of a mask are written in snake case in a message, which the converter does not know.
function snake(path) {
  return path.replace(/[A-Z]/g, letter => `_${letter.toLowerCase()}`);
}

function printed(type, answer) {
  return toProto3JSON(answer.$type ? answer : type.fromObject(answer));
}

function refusal(error) {
  const code = Number(error.code);
  if (!Number.isInteger(code)) return {broken: error.stack};
  const said = error.details || error.message;
  const message = said.startsWith('{') ? JSON.parse(said).error.message : said; // REST: the whole body
  return {refused: {status: STATUS[code] ?? code, message}};
}

for await (const line of readline.createInterface({input: process.stdin})) {
  const {rpc, request} = JSON.parse(line);
  const said = rpc
    ? await call(rpc, request).then(answer => ({answer}), refusal)
    : {rpcs: Object.keys(methods).filter(offered)};
  process.stdout.write(JSON.stringify(said) + '\n');
}
await client.close();
