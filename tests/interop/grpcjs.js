// Speaks to migd with @grpc/grpc-js, a gRPC that this project did not write; it reads the .proto files itself.
//
// usage: grpcjs.js ADDRESS DATA_DIRECTORY PROTO_FOLDER FINISHED_RUN ENDLESS_RUN, with NODE_PATH set
'use strict';
const assert = require('assert');
const fs = require('fs');
const grpc = require('@grpc/grpc-js');
const loader = require('@grpc/proto-loader');

const [address, data, protos, finished, endless] = process.argv.slice(2);
const read = (name) => fs.readFileSync(`${data}/${name}`);
const load = (file) =>
  grpc.loadPackageDefinition(loader.loadSync(file, { includeDirs: [protos], keepCase: true, longs: Number, enums: String, defaults: true, oneofs: true }));
const { migd } = load(['migd/v1/server.proto', 'migd/v1/runs.proto', 'migd/v1/targets.proto', 'migd/v1/catalogs.proto']);
const healthPackage = load('grpc/health/v1/health.proto').grpc.health.v1;
const reflectionPackage = load('grpc/reflection/v1/reflection.proto').grpc.reflection.v1;
const credentials = (known) =>
  known ? grpc.credentials.createSsl(read('pki/ca.crt'), read('identities/admin.key'), read('identities/admin.crt')) : grpc.credentials.createSsl(read('pki/ca.crt'));

const server = new migd.v1.Server(address, credentials(true));
const runs = new migd.v1.Runs(address, credentials(true));
const targets = new migd.v1.Targets(address, credentials(true));
const catalogs = new migd.v1.Catalogs(address, credentials(true));
const soon = (ms = 20000) => ({ deadline: Date.now() + ms });
const unaryCall = (client, method, request, options = soon()) =>
  new Promise((done, fail) => client[method](request, options, (e, reply) => (e ? fail(e) : done(reply))));
const collect = (call, each = () => {}) =>
  new Promise((done, fail) => {
    const all = [];
    call.on('data', (m) => (all.push(m), each(m)));
    call.on('end', () => done(all));
    call.on('error', fail);
  });
const refused = async (code, promise) => {
  const e = await promise.then(() => assert.fail(`not refused, ${code} was expected`), (e) => e);
  assert.strictEqual(e.code, code, e.message);
  return e;
};

const stories = {
  async 'unary'() {
    assert((await unaryCall(server, 'Ping', {})).time.seconds > 0);
    assert.strictEqual((await unaryCall(server, 'WhoAmI', {})).name, 'admin');
    for (let i = 0; i < 100; i++) await unaryCall(server, 'Ping', {});
    await Promise.all(Array.from({ length: 10 }, () => unaryCall(server, 'Ping', {})));
  },
  async 'a stream to its end'() {
    const events = await collect(runs.WatchRun({ id: finished }, soon()));
    assert.deepStrictEqual(events.map((e) => e.seq), events.map((_, i) => i + 1));
    assert.strictEqual(events[events.length - 1].event, 'run_finished');
  },
  async 'a cancelled stream'() {
    const call = runs.WatchRun({ id: endless });
    await refused(grpc.status.CANCELLED, collect(call, () => call.cancel()));
    assert.strictEqual((await unaryCall(runs, 'GetRun', { id: endless })).state, 'RUN_STATE_RUNNING');
  },
  async 'a deadline'() {
    await refused(grpc.status.DEADLINE_EXCEEDED, collect(runs.WatchRun({ id: endless }, soon(300))));
  },
  async 'errors have details'() {
    const e = await refused(grpc.status.NOT_FOUND, unaryCall(targets, 'GetTarget', { name: 'nobody' }));
    assert(e.details.includes('nobody'));
    assert(e.metadata.get('grpc-status-details-bin')[0].includes('migd.v1.Error'));
  },
  async 'a stream of requests'() {
    const call = catalogs.PushCatalog(soon());
    const answers = collect(call);
    call.write({ header: { catalog: 'interop-js', any_digest: true } });
    const text = Buffer.from('-- migd:revision 0001\n-- migd:parent base\n-- migd:message x\n\n-- migd:up\nCREATE TABLE t (id INTEGER);\n');
    call.write({ parts: [{ name: '0001_x.sql', data: text.subarray(0, 40), more: true }] });
    call.write({ parts: [{ name: '0001_x.sql', data: text.subarray(40) }] });
    call.end();
    assert.strictEqual((await answers)[0].result.catalog.revisions, 1);
  },
  async 'health'() {
    const health = new healthPackage.Health(address, credentials(true));
    assert.strictEqual((await unaryCall(health, 'Check', {})).status, 'SERVING');
    await refused(grpc.status.NOT_FOUND, unaryCall(health, 'Check', { service: 'nothing' }));
    health.close();
  },
  async 'reflection'() {
    const reflection = new reflectionPackage.ServerReflection(address, credentials(true));
    const call = reflection.ServerReflectionInfo(soon());
    const answers = collect(call);
    call.write({ list_services: '' });
    call.end();
    const names = (await answers)[0].list_services_response.service.map((s) => s.name);
    assert(names.includes('migd.v1.Runs') && names.includes('grpc.health.v1.Health'), names.join());
    reflection.close();
  },
  async 'without a certificate'() {
    const stranger = new migd.v1.Server(address, credentials(false));
    await refused(grpc.status.UNAVAILABLE, unaryCall(stranger, 'Ping', {}));
    stranger.close();
  },
};

(async () => {
  for (const [name, story] of Object.entries(stories)) {
    console.log('-', name);
    await story();
  }
  for (const client of [server, runs, targets, catalogs]) client.close();
})().catch((e) => {
  console.error(e);
  process.exit(1);
});
