import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { root } from '../../scripts/lib/paths.ts';
import { decoys, faults } from '../lab/faults/index.ts';

/** What proves that a trap is not stepped into: a fault or decoy of the lab, or the name of a row in a unit test. */
type Proof = { readonly fault: string } | { readonly decoy: string } | { readonly unit: string };

const fault = (id: string): Proof => ({ fault: id });
const decoy = (id: string): Proof => ({ decoy: id });
const unit = (name: string): Proof => ({ unit: name });

/** Every row of the contract's lists of traps that concerns a probe. */
const traps: Readonly<Record<string, readonly Proof[]>> = {
  'storage-and-streams.md 12, 1: the history has no checksum': [fault('july-baseline'), fault('schema-drifted')],
  'storage-and-streams.md 12, 2: row-level security without the setting gives zero rows': [fault('role-bypasses-rls'), unit('no zone picked')],
  'storage-and-streams.md 12, 3: lag is pending, and wrong after trimming': [decoy('trimmed-after-reading'), fault('audit-consumer-dead')],
  'storage-and-streams.md 12, 4: groups without a consumer, and groups of old Gateways': [decoy('group-of-a-gateway-that-is-gone'), decoy('burst-that-drains')],
  'storage-and-streams.md 12, 5: the STS tries again only at its start; revokes of delegations stay pending': [decoy('delegations-revoked'), fault('revocation-failed-in-sts')],
  'storage-and-streams.md 12, 6: an outage of Redis, and groups that are lost': [fault('redis-stopped'), fault('redis-frozen'), fault('policy-group-missing'), fault('relay-group-missing')],
  'storage-and-streams.md 12, 7: replay files drain only at a restart': [fault('replay-backlog')],
  'storage-and-streams.md 12, 8: policy age grows while nothing is wrong': [decoy('policy-same-content'), unit('loaded long ago')],
  'storage-and-streams.md 12, 9: a short outage of Redis makes rows of the Coordinator dead': [fault('coordinator-outbox-dead')],
  'storage-and-streams.md 12, 10: event_outbox is never pruned and its count can time out': [fault('api-outbox-locked')],
  'storage-and-streams.md 12, 11: activation status never reports dead rows': [fault('api-outbox-dead'), unit('loaded, and a dead event shows as pending')],
  'storage-and-streams.md 12, 12: the audit stream is trimmed': [fault('audit-events-trimmed-unread'), fault('audit-events-lost-earlier')],
  'storage-and-streams.md 12, 13: src_id is often no stream id': [fault('audit-event-forged')],
  'storage-and-streams.md 12, 14: retention of the Coordinator fails with the shipped grants': [decoy('retention-always-fails'), decoy('delegation-left-active'), decoy('known-gaps-closed')],
  'storage-and-streams.md 12, 15: /metrics of the Coordinator takes two tokens': [unit('the metrics bearer is not the token of /stats')],
  'storage-and-streams.md 12, 16: empty text and NULL': [decoy('ledger-once-unsigned')],
  'storage-and-streams.md 12, 18: pools add up to more than the limit': [decoy('many-idle-sessions'), fault('connections-nearly-full')],
  'storage-and-streams.md 12, 19: retention and export skip their first tick': [decoy('months-of-the-past'), unit('nobody yet')],
  'storage-and-streams.md 12, 20: readiness is limited': [fault('api-readiness-limited')],
  'storage-and-streams.md 12, 21: counters restart at 0': [unit('started anew since: what it counts is new')],
  'storage-and-streams.md 12, 22: a held lock of a zone stops its audit': [fault('zone-chain-held')],

  'readiness.md 0, 1: status asks localhost alone': [decoy('behind-ingress')],
  'readiness.md 0, 2: a short time limit hides the reason': [fault('postgres-frozen'), unit('slow, but right')],
  'readiness.md 0, 3: without Redis api and coordinator hang, then say 500': [fault('redis-stopped'), fault('redis-frozen')],
  'readiness.md 0, 4: web and the stores are not part of status': [fault('web-database-away'), fault('postgres-stopped')],
  'readiness.md 0, 5: three vocabularies': [unit('reads the reason from three vocabularies')],
  'readiness.md 0, 6: 503 without a reason is a shutdown': [fault('coordinator-draining')],
  'readiness.md 0, 7: /health of Audit follows Redis': [fault('audit-group-missing'), unit('follows Redis')],
  'readiness.md 0, 8: what readiness never checks': [fault('policy-none-active'), fault('kek-differs'), fault('producer-audit-key-differs'), unit('a pass names what readiness never looks at')],
  'readiness.md 0, 12: /ready is limited and costs a write': [fault('api-readiness-limited')],

  'readiness.md 2.5: the first failure wins': [unit('the first failure wins')],
  'readiness.md 2.5: the Gateway is ready although the STS is not': [fault('sts-consumers-not-ready'), fault('sts-replay-folder-gone')],
  'readiness.md 2.5: the Gateway does not ask Postgres': [fault('gateway-snapshot-stale')],
  'readiness.md 2.5: Audit stays unhealthy': [fault('audit-sticky'), decoy('audit-well-again')],
  'readiness.md 2.5: a group is lost with the data of Redis': [fault('audit-group-missing')],
  'readiness.md 2.5: the STS stays ready with broken consumers': [fault('policy-group-missing'), fault('sts-consumer-dead')],
  'readiness.md 2.5: replay files do not drain while the service runs': [fault('replay-backlog')],
  'readiness.md 2.5: the age of a policy': [decoy('policy-same-content')],
  'readiness.md 2.5: dead rows are shown as pending': [fault('api-outbox-dead')],
  'readiness.md 2.5: /metrics of the Coordinator': [unit('the metrics bearer is not the token of /stats')],
  'readiness.md 2.5: own probes leave traces': [unit('leaves the admin audit as it was'), unit('never asked with a token that is not live')],
};

describe("the contract's traps", () => {
  let sources: string;

  before(async () => {
    const read = async (folder: string): Promise<string[]> => {
      const names = (await readdir(join(root, folder))).filter((name) => name.endsWith('.test.ts') && name !== 'traps.test.ts');
      return Promise.all(names.map((name) => readFile(join(root, folder, name), 'utf8')));
    };
    sources = [...(await read('test/unit')), ...(await read('test/integration'))].join('\n');
  });

  for (const [trap, proofs] of Object.entries(traps)) {
    it(trap, () => {
      for (const proof of proofs) {
        if ('fault' in proof) assert.ok(faults.some(({ id }) => id === proof.fault), `no fault ${proof.fault}`);
        else if ('decoy' in proof) assert.ok(decoys.some(({ id }) => id === proof.decoy), `no decoy ${proof.decoy}`);
        else assert.ok(sources.includes(`'${proof.unit}`), `no test '${proof.unit}'`);
      }
    });
  }
});
