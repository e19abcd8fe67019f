import { deepEqual, equal, rejects } from 'node:assert/strict';
import type { Deployment } from '../../src/targets/deployment.ts';
import { requireReading } from '../../src/targets/endpoints/redisCommands.ts';
import { Refused, Unavailable } from '../../src/targets/failures.ts';
import { readRevocationStore } from '../../src/trace/revocationStore.ts';

const signal = new AbortController().signal;

/** A Redis that lets through what the real one does, and holds these keys. */
function deploymentWith(keys: Readonly<Record<string, string>>, asked: string[] = []): Deployment {
  const call = (command: readonly string[]): Promise<unknown> => {
    requireReading(command);
    asked.push(command.join(' '));
    const [name, key = ''] = command;
    return Promise.resolve(name === 'EXISTS' ? Number(Object.hasOwn(keys, key)) : (keys[key] ?? null));
  };
  return { redis: () => ({ call }) } as unknown as Deployment;
}

describe('the revocation store', () => {
  it('has the anchors that are revoked, and the epoch of the zone', async () => {
    const asked: string[] = [];
    const deployment = deploymentWith({ 'caracal:revoked:sessions:s1': '1', 'caracal:revoked:sessions:other': '1', 'caracal:revoked:sessions:delegation-epoch:z1': '12' }, asked);
    deepEqual(await readRevocationStore(deployment, { zoneId: 'z1', anchors: ['s1', 's2', 's1', ''] }, signal), { kind: 'row', row: { revoked: new Set(['s1']), epoch: 12 } });
    deepEqual(asked, ['GET caracal:revoked:sessions:delegation-epoch:z1', 'EXISTS caracal:revoked:sessions:s1', 'EXISTS caracal:revoked:sessions:s2']);
  });

  it('has no epoch where none is recorded, and is not asked for that of no zone', async () => {
    const asked: string[] = [];
    deepEqual(await readRevocationStore(deploymentWith({}), { zoneId: 'z1', anchors: ['s1'] }, signal), { kind: 'row', row: { revoked: new Set(), epoch: undefined } });
    deepEqual(await readRevocationStore(deploymentWith({ 'caracal:revoked:sessions:delegation-epoch:z1': '12' }, asked), { zoneId: undefined, anchors: [] }, signal), { kind: 'row', row: { revoked: new Set(), epoch: undefined } });
    deepEqual(asked, []);
  });

  const failures: readonly (readonly [what: string, redis: Deployment['redis'], why: string])[] = [
    ['an epoch that is none', deploymentWith({ 'caracal:revoked:sessions:delegation-epoch:z1': 'secret' }).redis, 'the epoch that Redis has of the zone is no number'],
    ['no Redis', () => { throw new Unavailable('no Redis is given', 'give one'); }, 'no Redis is given'],
    ['no permission', () => ({ call: () => Promise.reject(new Refused('NOPERM', 'No permissions to access a key')) }) as unknown as ReturnType<Deployment['redis']>, 'No permissions to access a key'],
  ];
  for (const [what, redis, why] of failures) {
    it(`cannot be looked at: ${what}`, async () => {
      deepEqual(await readRevocationStore({ redis } as Deployment, { zoneId: 'z1', anchors: ['s1'] }, signal), { kind: 'cannot look', why });
    });
  }

  it('is given up when it is stopped', async () => {
    const stop = new AbortController();
    const reason = new Error('stopped');
    stop.abort(reason);
    await rejects(readRevocationStore({ redis: () => ({ call: () => Promise.reject(new Refused('ECONNRESET', 'closed')) }) } as unknown as Deployment, { zoneId: 'z1', anchors: [] }, stop.signal), (error) => {
      equal(error, reason);
      return true;
    });
  });
});
