import { deepEqual, equal, match, ok, rejects } from 'node:assert/strict';
import type { VerifierSetting } from '../../src/caracal/verifiers.ts';
import type { Deployment, HttpAnswer, HttpQuestion } from '../../src/targets/deployment.ts';
import { Refused, Unavailable } from '../../src/targets/failures.ts';
import { decodeMandate } from '../../src/trace/mandate.ts';
import type { Mandate } from '../../src/trace/mandate.ts';
import { compareVerifiers } from '../../src/trace/verifier/facts.ts';
import { leadsTo } from '../../src/trace/verifier/issuer.ts';
import { readZoneKeys } from '../../src/trace/verifier/keys.ts';
import type { Comparison } from '../../src/trace/verifier/compare.ts';
import type { Setting, SettingValue, VerifierSettings } from '../../src/trace/verifier/setting.ts';
import { claims, issuer, now, signer, zone } from './mandates.ts';
import type { Signer } from './mandates.ts';

const signal = new AbortController().signal;
let key: Signer;
let other: Signer;
let mandate: Mandate;
before(async () => {
  [key, other] = await Promise.all([signer('key-1'), signer('key-2')]);
  mandate = await mandateOf({});
});

async function mandateOf(changed: Readonly<Record<string, unknown>>, by: Signer = key): Promise<Mandate> {
  const decoded = decodeMandate(await by.sign({ ...claims, ...changed }));
  if (decoded.kind === 'no mandate') throw new Error(decoded.why);
  return decoded.mandate;
}

interface FakeDeployment {
  readonly sts?: string;
  readonly answer?: (question: HttpQuestion) => Promise<Partial<HttpAnswer>>;
  readonly redis?: Readonly<Record<string, string>>;
}

function deploymentOf({ sts = issuer, answer = () => Promise.resolve({ body: JSON.stringify({ keys: [key.jwk] }) }), redis = {} }: FakeDeployment, asked: HttpQuestion[] = []): Deployment {
  const http = (service: string) => {
    equal(service, 'sts');
    return {
      at: (path: string) => new URL(path, sts),
      get: async (question: HttpQuestion) => {
        asked.push(question);
        return { status: 200, body: '', truncated: false, ...(await answer(question)) };
      },
    };
  };
  const call = ([name, of = '']: readonly string[]) => Promise.resolve(name === 'EXISTS' ? Number(Object.hasOwn(redis, of)) : (redis[of] ?? null));
  return { http, redis: () => ({ call }) } as unknown as Deployment;
}

const good: Readonly<Partial<Record<VerifierSetting, SettingValue>>> = { issuer, audience: 'billing-api', zone, revocations: 'new RedisRevocationStore' };
const verifierOf = (changed: Readonly<Partial<Record<VerifierSetting, SettingValue>>> = {}, at = 1): VerifierSettings => {
  const named = Object.fromEntries(Object.entries({ ...good, ...changed }).map(([name, value]): [string, Setting] => [name, { kind: 'literal', value, place: { file: 'src/server.ts', line: at, column: 1 } }]));
  return { language: 'typescript', entry: 'createMandateVerifier', place: { file: 'src/server.ts', line: at, column: 1 }, route: undefined, exclude: [], settings: { named, others: undefined }, ignored: [] };
};
const compare = async (deployment: Deployment | undefined, verifier: VerifierSettings = verifierOf(), of: Mandate = mandate): Promise<Comparison> => {
  const { compared: [first] } = await compareVerifiers({ deployment, mandate: of, verifiers: [verifier], calledAt: now }, signal);
  ok(first !== undefined);
  return first.comparison;
};
const resultOf = ({ rows }: Comparison, wanted: string): string => {
  const result = rows.find(({ key: one }) => one === wanted)?.result;
  return result?.kind === 'mismatch' ? result.fix : result?.kind === 'cannot tell' ? result.why : (result?.kind ?? 'no row');
};

describe('the keys of a zone', () => {
  it('are asked of the STS without a credential', async () => {
    const asked: HttpQuestion[] = [];
    const body = JSON.stringify({ keys: [key.jwk] });
    deepEqual(await readZoneKeys(deploymentOf({}, asked), 'a zone', signal), { kind: 'row', row: { status: 200, bytes: body.length, keys: [key.jwk] } });
    deepEqual(asked.map(({ path, token }) => [path, token]), [['/.well-known/jwks.json?zone_id=a%20zone', undefined]]);
  });

  const answers: readonly (readonly [what: string, answer: () => Promise<Partial<HttpAnswer>>, read: unknown])[] = [
    ['a zone that never minted', () => Promise.resolve({ status: 404, body: '{}' }), { kind: 'row', row: { status: 404, bytes: 2, keys: [] } }],
    ['a set that is too large', () => Promise.resolve({ body: ' '.repeat(256 * 1024 + 1) }), { kind: 'row', row: { status: 200, bytes: 256 * 1024 + 1, keys: [] } }],
    ['a set that was cut', () => Promise.resolve({ body: '{"keys":[]}', truncated: true }), { kind: 'row', row: { status: 200, bytes: 11, keys: [] } }],
    ['a page', () => Promise.resolve({ body: '<html>' }), { kind: 'cannot look', why: 'the STS answers with something that is no set of keys' }],
    ['keys that are none', () => Promise.resolve({ body: '{"keys":[null]}' }), { kind: 'cannot look', why: 'the STS answers with something that is no set of keys' }],
    ['a refusal', () => Promise.reject(new Refused('ECONNREFUSED', 'nothing listens there')), { kind: 'cannot look', why: 'the keys of the zone were not read: nothing listens there' }],
    ['no address', () => Promise.reject(new Unavailable('no address of sts', 'give one')), { kind: 'cannot look', why: 'the keys of the zone were not read: no address of sts' }],
  ];
  for (const [what, answer, read] of answers) it(`from ${what}`, async () => deepEqual(await readZoneKeys(deploymentOf({ answer }), zone, signal), read));

  it('are given up when that is stopped', async () => {
    const stop = new AbortController();
    const reason = new Error('stopped');
    const answer = ({ signal: asked }: HttpQuestion): Promise<never> => new Promise((_, reject) => {
      asked.addEventListener('abort', () => reject(asked.reason as Error));
      stop.abort(reason);
    });
    await rejects(readZoneKeys(deploymentOf({ answer }), zone, stop.signal), (error) => error === reason);
  });
});

describe('an issuer', () => {
  const cases: readonly (readonly [issuer: string, address: string, leads: boolean])[] = [
    ['http://localhost:8080', 'http://localhost:8080', true], ['http://localhost:8080/', 'http://127.0.0.1:8080', true], ['http://[::1]:8080', 'http://localhost:8080', true], ['http://sts:8080', 'http://127.0.0.1:8080', true],
    ['http://sts:8080', 'http://127.0.0.1:32768', true], ['http://sts:9000', 'http://127.0.0.1:8080', false], ['http://sts:8080', 'https://sts.example', false], ['https://localhost:8080', 'http://localhost:8080', false],
    ['http://localhost:8081', 'http://localhost:8080', false], ['https://sts.example/a', 'https://sts.example/a/', true], ['https://sts.example/b', 'https://sts.example/a', false], ['https://evil.example', 'https://sts.example', false],
    ['http://caracal-sts:8080', 'http://caracal-sts.prod:8080', true], ['http://caracal-sts.prod.svc.cluster.local:8080', 'http://caracal-sts.prod:8080', true], ['http://caracal-sts.test:8080', 'http://caracal-sts.prod:8080', false],
    ['http://caracal-sts.evil.example:8080', 'http://caracal-sts.prod:8080', false], ['not a URL', 'http://localhost:8080', false], ['', 'http://localhost:8080', false],
  ];
  for (const [of, address, leads] of cases) it(`${of === '' ? 'that is empty' : of} ${leads ? 'is' : 'is not'} the STS at ${address}`, () => equal(leadsTo(of, new URL(address)), leads));
});

describe('a mandate with what the deployment holds', () => {
  it('is accepted where the STS has signed it and nothing is revoked', async () => {
    const { verdict } = await compare(deploymentOf({}));
    equal(verdict.says, 'The verifier accepts this mandate.');
  });

  it('is refused where another key has signed it', async () => equal(resultOf(await compare(deploymentOf({}), verifierOf(), await mandateOf({}, other)), 'signature'), 'Get a new mandate from the STS of the zone: it has no key with this kid.'));

  it('is compared with the keys of a name that the STS signs as its own', async () => {
    const named = await mandateOf({ iss: 'https://sts.example' });
    equal(resultOf(await compare(deploymentOf({}), verifierOf({ issuer: 'https://sts.example/' }), named), 'signature'), 'agrees');
  });

  it('does not lead to a host that only the token or the source names', async () => {
    const asked: HttpQuestion[] = [];
    const why = 'sts.example is not known to be the STS of this target, so it was not asked for keys';
    equal(resultOf(await compare(deploymentOf({}, asked), verifierOf({ issuer: 'https://sts.example' })), 'signature'), why);
    deepEqual(asked, []);
    equal(resultOf(await compare(deploymentOf({}), verifierOf({ issuer: 'https://sts.example' }), await mandateOf({ iss: 'https://sts.example' }, other)), 'jwks'), why);
  });

  it('asks for each zone once', async () => {
    const asked: HttpQuestion[] = [];
    await compareVerifiers({ deployment: deploymentOf({}, asked), mandate, verifiers: [verifierOf(), verifierOf({ audience: 'a' }), verifierOf({ zone: 'z2' }), verifierOf({ zone: '' })], calledAt: now }, signal);
    deepEqual(asked.map(({ path }) => path), [zone, 'z2'].map((one) => `/.well-known/jwks.json?zone_id=${one}`));
  });

  it('asks nobody without a target', async () => {
    const comparison = await compare(undefined);
    equal(resultOf(comparison, 'signature'), 'no target is picked whose STS could be asked for keys');
    equal(resultOf(comparison, 'revoked'), 'the revocation store was not read: no target is picked');
  });

  it('says that the target has no STS', async () => {
    const deployment: Deployment = { ...deploymentOf({}), http: () => { throw new Unavailable('no address of sts', 'give one'); } };
    equal(resultOf(await compare(deployment), 'jwks'), 'the keys of the zone were not read: no address of sts');
  });

  const revoked = { [`caracal:revoked:sessions:${String(claims['root_sid'])}`]: '1', [`caracal:revoked:sessions:delegation-epoch:${zone}`]: '8' };
  it('is refused by what a verifier has in Redis', async () => {
    const comparison = await compare(deploymentOf({ redis: revoked }));
    equal(resultOf(comparison, 'revoked'), 'Start a new Session and get a new mandate: root_sid is revoked.');
    equal(resultOf(comparison, 'delegation_graph_epoch'), 'Get a new mandate: a Delegation of the zone was made or revoked since.');
  });

  it('is not refused by Redis where a verifier may keep its revocations elsewhere', async () => {
    const where = 'the server may keep its revocations elsewhere than in the Redis of this target, which has';
    equal(resultOf(await compare(deploymentOf({ redis: revoked }), verifierOf({ revocations: 'connect' })), 'revoked'), `${where} root_sid and epoch 8`);
    equal(resultOf(await compare(deploymentOf({}), verifierOf({ revocations: 'connect' })), 'delegation_graph_epoch'), `${where} no id of the mandate and no epoch`);
    equal(resultOf(await compare(deploymentOf({ redis: revoked }), verifierOf({ revocations: 'new InMemoryRevocationStore' })), 'revoked'), 'the revocation store is in the memory of the server');
  });

  it('is compared once with verifiers that are the same', async () => {
    const route: VerifierSettings = { ...verifierOf(), entry: 'caracalAuth', route: '/reports' };
    const { compared } = await compareVerifiers({ deployment: undefined, mandate, verifiers: [verifierOf(), route, verifierOf({}, 9)], calledAt: now }, signal);
    deepEqual(compared.map(({ verifiers }) => verifiers.map(({ entry, place }) => `${entry} ${String(place?.line)}`)), [['createMandateVerifier 1', 'caracalAuth 1'], ['createMandateVerifier 9']]);
  });

  it('is compared as of now where nobody knows the time of the call', async () => {
    const { compared: [first], isOfCall } = await compareVerifiers({ deployment: undefined, mandate: await mandateOf({ exp: Math.floor(Date.now() / 1000) - 7200 }), verifiers: [verifierOf()], calledAt: undefined }, signal);
    ok(first !== undefined && !isOfCall);
    match(resultOf(first.comparison, 'exp'), /^Get a new mandate: this one expired 2 h ago\.$/);
  });

  it('is not there: nothing is compared', async () => {
    deepEqual(await compareVerifiers({ deployment: undefined, mandate: undefined, verifiers: [verifierOf()], calledAt: now }, signal), { mandate: undefined, compared: [], now, isOfCall: true });
  });
});
