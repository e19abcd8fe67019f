import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { settingNames, verifierLanguages, verifierOrders } from '../../src/caracal/verifiers.ts';
import type { VerifierCheckKey, VerifierLanguage, VerifierSetting } from '../../src/caracal/verifiers.ts';
import { decodeMandate } from '../../src/trace/mandate.ts';
import type { Mandate } from '../../src/trace/mandate.ts';
import type { CallerAnswer } from '../../src/trace/refusal.ts';
import type { Block, Cell, Section } from '../../src/trace/story.ts';
import { compareWithVerifier } from '../../src/trace/verifier/compare.ts';
import { configuredVerifiers } from '../../src/trace/verifier/configured.ts';
import { explanationOf } from '../../src/trace/verifier/explanation.ts';
import type { Facts } from '../../src/trace/verifier/findings.ts';
import { verifierSection } from '../../src/trace/verifier/section.ts';
import type { ComparedVerifier, ToldOfVerifiers, VerifierFacts } from '../../src/trace/verifier/section.ts';
import type { Setting, SettingValue, VerifierSettings } from '../../src/trace/verifier/setting.ts';
import { claims, issuer, now, seconds, signer, zone } from './mandates.ts';
import type { Signer } from './mandates.ts';

let key: Signer;
before(async () => {
  key = await signer('key-1');
});

const files: Readonly<Record<VerifierLanguage, string>> = { typescript: 'src/server.ts', python: 'app/server.py', go: 'cmd/server.go' };
const lines: readonly VerifierSetting[] = ['issuer', 'audience', 'zone', 'scopes', 'session', 'revocations'];
const good: Readonly<Partial<Record<VerifierSetting, SettingValue>>> = { issuer, audience: 'billing-api', zone, scopes: ['invoice:read'], session: true, revocations: 'RedisRevocationStore' };

type Changed = Readonly<Partial<Record<VerifierSetting, SettingValue | Setting>>>;
function verifierOf(language: VerifierLanguage, changed: Changed = {}, more: Partial<VerifierSettings> = {}): VerifierSettings {
  const file = files[language];
  const named = Object.fromEntries(Object.entries({ ...good, ...changed }).map(([name, value]): [string, Setting] => {
    const isSetting = typeof value === 'object' && value !== null && 'kind' in value;
    return [name, isSetting ? value : { kind: 'literal', value, place: { file, line: 10 + lines.indexOf(name as VerifierSetting), column: 5 } }];
  }));
  return { language, entry: 'createMandateVerifier', place: { file, line: 9, column: 3 }, route: undefined, exclude: [], settings: { named, others: undefined }, ignored: [], ...more };
}

async function mandateOf(changed: Readonly<Record<string, unknown>> = {}): Promise<Mandate> {
  const decoded = decodeMandate(await key.sign({ ...claims, ...changed }));
  if (decoded.kind === 'no mandate') throw new Error(decoded.why);
  return decoded.mandate;
}

async function compared(verifiers: readonly [VerifierSettings, ...VerifierSettings[]], mandate: Mandate, more: Partial<Facts> = {}): Promise<ComparedVerifier> {
  const [{ language, settings }] = verifiers;
  const facts: Facts = { mandate, settings, language, now, keys: new Map([[zone, { status: 200, bytes: 500, keys: [key.jwk] }]]), revocations: { kind: 'read', revoked: new Set(), epoch: 7 }, ...more };
  return { verifiers, comparison: await compareWithVerifier(facts), readsRedis: facts.revocations !== undefined };
}

const factsOf = (mandate: Mandate | undefined, all: readonly ComparedVerifier[]): VerifierFacts => ({ mandate, compared: all, now, isOfCall: true });
const untold: ToldOfVerifiers = { looked: { files: 3, isWhole: true, problems: [] }, answer: undefined };
const tablesOf = ({ blocks }: Section): readonly Extract<Block, { kind: 'table' }>[] => blocks.filter((block) => block.kind === 'table');
const textsOf = ({ blocks }: Section): readonly string[] => blocks.flatMap((block) => (block.kind === 'text' ? [block.cell.text] : []));
const adviceOf = ({ blocks }: Section): readonly Cell[] => blocks.flatMap((block) => (block.kind === 'advice' ? [block.cell] : []));
const actionsOf = ({ blocks }: Section): readonly string[] => blocks.flatMap((block) => (block.kind === 'action' ? [`${block.label} ${block.action}`] : []));

describe('the section about token and verifier', () => {
  for (const language of verifierLanguages) {
    describe(language, () => {
      let section: Section;
      before(async () => {
        const mandate = await mandateOf();
        section = verifierSection(factsOf(mandate, [await compared([verifierOf(language, { issuer: 'http://127.0.0.1:8080', scopes: ['invoice:read', 'invoice:pay'] })], mandate)]), untold);
      });

      it('has the rows that differ in the order of the language, the first error strong', () => {
        const [table] = tablesOf(section);
        deepEqual(table?.heads, ['Check', 'Token', 'Verifier', 'Set in', 'Result']);
        deepEqual(table.rows.map((cells) => cells.map(({ text }) => text)), [
          ['issuer', issuer, 'http://127.0.0.1:8080', `${files[language].split('/')[1] ?? ''}:10`, 'invalid_token · this refusal'],
          ['scopes', 'invoice:read invoice:list', 'invoice:read, invoice:pay', `${files[language].split('/')[1] ?? ''}:13`, 'insufficient_scope · next, once the issuer is right'],
        ]);
        deepEqual(table.rows.map((cells) => [cells[4]?.mark, cells[4]?.isStrong]), [['failed', true], ['warning', false]]);
      });

      it('marks the characters that differ', () => {
        const [row] = tablesOf(section)[0]?.rows ?? [];
        const part = ({ text, differs = [0, 0] }: Cell): string => text.slice(...differs);
        deepEqual(row?.slice(1, 3).map(part), ['localhost', '127.0.0.1']);
      });

      it('folds what agrees and what does not apply', () => {
        const folded = tablesOf(section)[0]?.folded;
        const agree = folded?.rows.filter(([, , , , result]) => result?.text === 'agrees').length ?? 0;
        const rows = verifierOrders[language].length;
        equal(agree + (folded?.rows.filter(([, , , , result]) => result?.text.startsWith('does not apply: ') === true).length ?? 0), rows - 2);
        match(folded?.label ?? '', new RegExp(`^${agree} rows that agree, \\d that do not apply$`));
        equal(section.summary, `2 of ${rows} rows differ; ${agree} rows that agree are hidden`);
      });

      it('has one line of advice for each, that leads to where it is set', () => {
        deepEqual(adviceOf(section), [
          { text: `Set ${settingNames.issuer[language]} to "${issuer}": the name of the host counts, even where both lead to the same STS.`, link: { kind: 'place', path: files[language], line: 9, column: 4 } },
          { text: `Ask the STS for the scope invoice:pay too, or take it out of ${settingNames.scopes[language]}.`, link: { kind: 'place', path: files[language], line: 12, column: 4 } },
        ]);
      });

      it('says where the verifier is, and what it does', () => {
        const languageName = { typescript: 'TypeScript', python: 'Python', go: 'Go' }[language];
        deepEqual(textsOf(section).slice(0, 2), [`createMandateVerifier, ${languageName}, ${files[language]}:9`, 'The verifier refuses this mandate with invalid_token (401) at its check: issuer.']);
      });
    });
  }

  it('marks what the source computes, and says why it cannot be told', async () => {
    const mandate = await mandateOf();
    const zoneOf: Setting = { kind: 'computed', text: 'process.env.ZONE', variable: 'ZONE', known: [], place: { file: files.typescript, line: 12, column: 5 } };
    const section = verifierSection(factsOf(mandate, [await compared([verifierOf('typescript', { zone: zoneOf })], mandate)]), untold);
    const rows = tablesOf(section)[0]?.rows ?? [];
    deepEqual(rows.map((cells) => [cells[0]?.text, cells[2]?.text, cells[2]?.mark, cells[4]?.text, cells[4]?.mark])[0], ['zone is set', 'computed', 'unknown', 'cannot tell: zoneId comes from the environment variable ZONE', 'unknown']);
    match(section.summary, /^0 of \d+ rows differ; 4 cannot be told; \d+ rows that agree are hidden$/);
  });

  it('does not mark beyond where a long text is cut', async () => {
    const mandate = await mandateOf({ iss: `${'x'.repeat(400)}a` });
    const section = verifierSection(factsOf(mandate, [await compared([verifierOf('go', { issuer: `${'x'.repeat(400)}b` })], mandate)]), untold);
    for (const cell of tablesOf(section).flatMap(({ rows }) => rows.flat())) ok(cell.differs === undefined || (cell.differs[0] < cell.differs[1] && cell.differs[1] <= cell.text.length));
  });

  it('is one line without a token', () => {
    deepEqual(verifierSection(factsOf(undefined, []), untold), { id: 'verifier', title: 'Token against verifier', summary: 'no token to compare; trace the mandate that the resource got, which is decoded here and sent nowhere', blocks: [] });
  });

  it('says where was looked, and offers to look and to type', async () => {
    const mandate = await mandateOf();
    const notLooked = verifierSection(factsOf(mandate, []), { looked: undefined, answer: undefined });
    equal(notLooked.summary, 'no verifier to compare with was looked for');
    deepEqual(textsOf(notLooked), ['Neither the source of this workspace nor the setting caracal.verifiers was looked at yet.']);
    deepEqual(actionsOf(notLooked), ['Find Verifiers in Workspace readVerifiers', 'Type Settings… typeVerifier']);
    const found = verifierSection(factsOf(mandate, []), { looked: { files: 5000, isWhole: false, problems: Array.from({ length: 7 }, (_, index) => `${index}.ts was not read.`) }, answer: undefined });
    equal(found.summary, 'no verifier was found');
    deepEqual(textsOf(found), ['Looked at the first 5000 source files of the workspace, the setting caracal.verifiers and what was typed in: none sets up a verifier of Caracal.']);
    deepEqual(found.blocks.flatMap((block) => (block.kind === 'list' ? block.items.map(({ text }) => text) : [])), ['0.ts was not read.', '1.ts was not read.', '2.ts was not read.', '3.ts was not read.', '4.ts was not read.', '2 more were not read.']);
    deepEqual(actionsOf(found), ['Look for Verifiers Again readVerifiers', 'Type Settings… typeVerifier']);
  });

  it('has the verifiers of the audience first, and the last ones in a line each', async () => {
    const mandate = await mandateOf();
    const others = await Promise.all([1, 2, 3, 4].map((line) => compared([verifierOf('go', { audience: 'orders-api' }, { place: { file: 'cmd/orders.go', line, column: 1 } })], mandate)));
    const own = await compared([verifierOf('typescript'), verifierOf('typescript', {}, { entry: 'caracalAuth', route: '/reports' })], mandate);
    const section = verifierSection(factsOf(mandate, [...others, own]), untold);
    equal(section.summary, '4 of 5 verifiers refuse this mandate');
    deepEqual(textsOf(section).slice(0, 3), ['createMandateVerifier, TypeScript, src/server.ts:9', 'caracalAuth, TypeScript, src/server.ts:9, guards /reports', 'The verifier accepts this mandate.']);
    equal(tablesOf(section).length, 4);
    deepEqual(section.blocks.flatMap((block) => (block.kind === 'list' ? block.items.map(({ text }) => text) : [])), ['createMandateVerifier, Go, cmd/orders.go:4: The verifier refuses this mandate with invalid_token (401) at its check: audience.']);
  });

  it('says what is to be known beside the table', async () => {
    const mandate = await mandateOf({ use: 'gateway', exp: seconds - 600 });
    const place = { file: files.python, line: 20, column: 7 };
    const verifier = verifierOf('python', {}, { ignored: [{ name: 'required_scope', place }], exclude: ['/health', '/docs'] });
    const section = verifierSection({ ...factsOf(mandate, [await compared([verifier], mandate)]), isOfCall: false }, untold);
    const texts = textsOf(section);
    match(texts[0] ?? '', /^This is a gateway mandate\. /);
    match(texts[1] ?? '', /^The time of the call is not known, /);
    ok(texts.includes('required_scope is no setting, and Python does not complain of it.'));
    ok(texts.includes('Served without a mandate: /health, /docs.'));
    ok(texts.includes('Revocations are those that the Redis of the target has under the usual names. A server that keeps them elsewhere may have others.'));
    const timely = await mandateOf();
    deepEqual(textsOf(verifierSection(factsOf(timely, [{ ...(await compared([verifierOf('go')], timely)), readsRedis: false }]), untold)).length, 2);
  });

  it('says no part of the token but claims', async () => {
    const token = await key.sign({ ...claims, aud: ['other'] });
    const decoded = decodeMandate(token);
    ok(decoded.kind === 'mandate');
    const told = JSON.stringify(verifierSection(factsOf(decoded.mandate, [await compared([verifierOf('go')], decoded.mandate)]), untold));
    for (const part of token.split('.')) ok(!told.includes(part));
  });
});

describe('whether a comparison explains an answer', () => {
  const refusedBy = (changed: Changed, more: Partial<Facts> = {}) => ({ changed, more });
  const issuerWrong = refusedBy({ issuer: 'http://127.0.0.1:8080' });
  const scopeWrong = refusedBy({ scopes: ['x'] });
  const accepts = refusedBy({});
  const withoutKeys = refusedBy({}, { keys: undefined });
  const withoutKeysAndIssuer = refusedBy({ issuer: 'http://127.0.0.1:8080' }, { keys: undefined });
  const noStore = refusedBy({ revocations: null });
  const answer = (status: number | undefined, error: string | undefined, description?: string): CallerAnswer => ({ status, error, description });
  const cases: readonly (readonly [what: string, of: typeof accepts, answer: CallerAnswer | undefined, holds: string | undefined, says: RegExp])[] = [
    ['the same code', issuerWrong, answer(401, 'invalid_token', 'Token validation failed'), 'yes', /^This explains the answer: 401 invalid_token\.$/],
    ['the same code without a description', noStore, answer(401, 'invalid_token'), 'yes', /explains/],
    ['the description of the check', noStore, answer(401, 'invalid_token', 'Revocation store required'), 'yes', /explains/],
    ['the description of another check', issuerWrong, answer(401, 'invalid_token', 'Revocation store required'), 'no', /^This does not explain the answer, which was 401 invalid_token: these settings refuse at another check \(issuer\)\./],
    ['the description of other checks', noStore, answer(401, 'invalid_token', 'Token validation failed'), 'no', /another check \(revocation store is set\)/],
    ['another code', scopeWrong, answer(401, 'invalid_token', 'Token validation failed'), 'no', /After a rotation of keys/],
    ['an error without a status', scopeWrong, answer(undefined, 'insufficient_scope', 'Missing scope: x'), 'yes', /403 insufficient_scope/],
    ['acceptance', accepts, answer(401, 'session_revoked', 'Session revoked'), 'no', /these settings accept the mandate\. .* look whether it reaches its Redis\.$/],
    ['unknown keys', withoutKeys, answer(401, 'invalid_token', 'Token validation failed'), 'perhaps', /^This may explain the answer, 401 invalid_token: by keys can be read or signed by a key of the zone\.$/],
    ['a refusal that is sure', withoutKeysAndIssuer, answer(401, 'invalid_token', 'Token validation failed'), 'yes', /explains/],
    ['unknown keys and another code', withoutKeys, answer(403, 'chain_mismatch', 'Delegation chain missing application: x'), 'no', /no check of the \d+ that may refuse answers so/],
    ['no token', issuerWrong, answer(401, 'missing_token', 'Missing bearer token'), 'no', /look at the Authorization header/],
    ['an answer that is not known', issuerWrong, undefined, undefined, /^$/],
    ['a status that is no verifier\'s', issuerWrong, answer(500, 'invalid_token'), undefined, /^$/],
    ['an answer of the Gateway', issuerWrong, answer(401, 'invalid_token', 'token replay detected'), undefined, /^$/],
    ['an error that is no verifier\'s', issuerWrong, answer(401, 'toString'), undefined, /^$/],
    ['an exception, which is no code', issuerWrong, answer(500, 'exception'), undefined, /^$/],
  ];
  for (const [what, { changed, more }, given, holds, says] of cases) {
    it(what, async () => {
      const mandate = await mandateOf();
      const one = await compared([verifierOf('typescript', changed)], mandate, more);
      const explanation = explanationOf(given, one.comparison);
      equal(explanation?.holds, holds);
      match(explanation?.says ?? '', says);
      const texts = textsOf(verifierSection(factsOf(mandate, [one]), { looked: undefined, answer: given }));
      equal(texts.includes(explanation?.says ?? ''), explanation !== undefined);
    });
  }
});

describe('verifiers that are written down', () => {
  const item = { language: 'go', issuer, audience: 'billing-api', zone, revocations: 'redis' };
  const read = (given: unknown) => configuredVerifiers(given, 'caracal.verifiers');

  it('are compared like others, and say where they are from', async () => {
    const { verifiers: [verifier], problems } = read([{ ...item, name: 'billing', issuer: 'https://sts.example' }]);
    ok(verifier !== undefined);
    deepEqual([problems, verifier.entry], [[], 'billing (caracal.verifiers)']);
    const mandate = await mandateOf();
    const section = verifierSection(factsOf(mandate, [await compared([verifier], mandate, { keys: undefined, notRead: { keys: 'nobody was asked' } })]), untold);
    deepEqual(tablesOf(section)[0]?.rows.map((cells) => [cells[0]?.text, cells[3]?.text, cells[3]?.link, cells[4]?.text]), [
      ['keys can be read', 'billing (caracal.verifiers)', undefined, 'cannot tell: nobody was asked'], ['signed by a key of the zone', 'billing (caracal.verifiers)', undefined, 'cannot tell: nobody was asked'],
      ['issuer', 'billing (caracal.verifiers)', undefined, 'invalid_token · this refusal, once the keys can be read and the key is right'],
    ]);
    equal(textsOf(section)[0], 'billing (caracal.verifiers), Go');
  });

  const stores: readonly (readonly [string, VerifierCheckKey | undefined])[] = [['redis', undefined], ['memory', undefined], ['none', 'store']];
  for (const [revocations, refuses] of stores) {
    it(`with the store ${revocations}`, async () => {
      const { verifiers: [verifier] } = read({ ...item, revocations });
      ok(verifier !== undefined);
      const { comparison: { verdict } } = await compared([verifier], await mandateOf());
      equal(verdict.kind === 'refused' ? verdict.by.key : undefined, refuses);
    });
  }

  it('are not guessed where they are not as they should be', () => {
    const { verifiers, problems } = read([item, { ...item, language: 'rust' }, { ...item, secret: 'x' }, 'x', null]);
    equal(verifiers.length, 1);
    deepEqual(problems.map((problem) => problem.replace(/: .*/s, '')), [2, 3, 4, 5].map((index) => `Verifier ${index} of caracal.verifiers was not read`));
    match(problems[0] ?? '', /language/);
  });

  it('have the settings that the manifest describes, and no other', () => {
    interface Schema { readonly type?: string; readonly enum?: readonly string[]; readonly items?: unknown }
    const { contributes } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { readonly contributes: { readonly configuration: { readonly properties: { readonly 'caracal.verifiers': { readonly items: { readonly required: readonly string[]; readonly properties: Readonly<Record<string, Schema>> } } } } } };
    const { required, properties } = contributes.configuration.properties['caracal.verifiers'].items;
    const samples: Readonly<Record<string, unknown>> = { string: 'x', boolean: true, integer: 3, array: ['x'] };
    const full = Object.fromEntries(Object.entries(properties).map(([name, { type = '', enum: all }]) => [name, all?.[0] ?? samples[type]]));
    const { verifiers: [verifier], problems } = read(full);
    deepEqual(problems, []);
    deepEqual(Object.keys(verifier?.settings.named ?? {}).toSorted(), Object.keys(settingNames).toSorted());
    for (const name of required) equal(read(Object.fromEntries(Object.entries(full).filter(([other]) => other !== name))).problems.length, 1, name);
    deepEqual(read(Object.fromEntries(Object.entries(full).filter(([name]) => required.includes(name)))).problems, []);
  });
});
