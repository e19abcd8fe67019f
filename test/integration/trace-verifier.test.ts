import { deepEqual, equal, ok } from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { observerAcl } from '../../src/caracal/observerAcl.ts';
import { createRedactor, readTargetFile } from '../../src/flow/engine.ts';
import type { Deployment } from '../../src/targets/deployment.ts';
import { openTarget } from '../../src/targets/open.ts';
import { decodeMandate } from '../../src/trace/mandate.ts';
import type { Mandate } from '../../src/trace/mandate.ts';
import { readRevocationStore } from '../../src/trace/revocationStore.ts';
import type { ComparisonRow } from '../../src/trace/verifier/compare.ts';
import { configuredVerifiers } from '../../src/trace/verifier/configured.ts';
import { compareVerifiers } from '../../src/trace/verifier/facts.ts';
import { Caller, mandateOf } from '../lab/caller.ts';
import { startLab } from '../lab/lab.ts';
import type { Lab } from '../lab/lab.ts';

const signal = AbortSignal.timeout(300_000);

describe('a mandate of a deployment against a verifier', function () {
  this.timeout(120_000);
  let lab: Lab;
  let deployment: Deployment;
  let mandate: Mandate;

  before(async () => {
    lab = await startLab({ traffic: 0 });
    // Redis is read as the user that the documentation proposes.
    await lab.redisClient.call(...(observerAcl().replace('<password>', 'observer-password').split(' ') as [string, ...string[]]));
    const { host, port } = lab.redisClient.options;
    const path = join(lab.directory, 'observer.json');
    await writeFile(path, JSON.stringify({ ...(JSON.parse(await readFile(lab.targetFile, 'utf8')) as object), redis: `redis://caracal_observer:observer-password@${String(host)}:${String(port)}` }));
    deployment = await openTarget(await readTargetFile(path), { redactor: createRedactor(), zone: undefined, signal });
    const decoded = decodeMandate(mandateOf(await new Caller(lab.callers).mint()));
    ok(decoded.kind === 'mandate');
    ({ mandate } = decoded);
  });

  after(async () => {
    deployment.close();
    await lab.close();
  });

  async function rows(changed: Readonly<Record<string, string>> = {}): Promise<ReadonlyMap<string, ComparisonRow['result']>> {
    const { verifiers } = configuredVerifiers({ language: 'typescript', issuer: mandate.claims.iss, audience: mandate.claims.aud?.[0], zone: lab.zoneId, revocations: 'redis', ...changed }, 'here');
    const { compared: [compared] } = await compareVerifiers({ deployment, mandate, verifiers, calledAt: undefined }, signal);
    ok(compared !== undefined);
    return new Map(compared.comparison.rows.map(({ key, result }) => [key, result]));
  }

  it('is signed by a key that the STS answers, and not revoked', async () => {
    const found = await rows();
    deepEqual(['jwks', 'signature', 'iss', 'aud', 'zone_id', 'revoked'].map((key) => found.get(key)?.kind), Array.from({ length: 6 }, () => 'agrees'));
  });

  it('is not signed by a key of a zone that never issued one', async () => {
    const found = await rows({ zone: '0198f000-0000-7000-8000-00000000dead' });
    deepEqual(found.get('jwks'), { kind: 'mismatch', fix: 'Make the STS answer 200 with the keys of the zone: it answers 404.' });
    equal(found.get('signature')?.kind, 'mismatch');
  });

  it('is revoked by what a resource server has in Redis', async () => {
    const { sid = '', zone_id: zoneId = '', agent_session_id: session = '' } = mandate.claims;
    await lab.redisClient.set(`caracal:revoked:sessions:${sid}`, '1', 'PX', 60_000);
    await lab.redisClient.set(`caracal:revoked:sessions:delegation-epoch:${zoneId}`, '8', 'PX', 60_000);
    deepEqual((await rows()).get('revoked'), { kind: 'mismatch', fix: 'Start a new Session and get a new mandate: sid, root_sid are revoked.' });
    deepEqual(await readRevocationStore(deployment, { zoneId, anchors: [sid, session] }, signal), { kind: 'row', row: { revoked: new Set([sid]), epoch: 8 } });
  });
});
