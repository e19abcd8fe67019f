import type { PanelLogRow, PanelLogs } from '../../../src/trace/panelMessages.ts';
import type { Cell, Fact, LayerStory, Mark, Section, SectionId, Story, TimelineItem } from '../../../src/trace/story.ts';

/** What a panel is shown: a story and the log beside it. */
export interface Shown {
  readonly story: Story;
  readonly rows: readonly PanelLogRow[];
  readonly silent: readonly string[];
}

export function logsOf({ rows, silent }: Shown): PanelLogs {
  return {
    summary: `${rows.filter(({ isOwn }) => isOwn).length} of ${rows.length.toLocaleString('en')} lines belong to this call`, rows: rows.length, silent,
    own: rows.flatMap(({ row, time, requestId, isOwn }, place) => (isOwn ? [{ place, row, time, requestId }] : [])),
  };
}

const at = (time: string): number => Date.parse(`2026-08-20T${time}Z`);
const text = (words: string, mark?: Mark): Cell => ({ text: words, ...(mark === undefined ? {} : { mark }) });
const code = (words: string): Cell => ({ text: words, isCode: true });
const fact = (label: string, words: string): Fact => ({ label, value: text(words) });
const place = (words: string, line: number): Cell => ({ text: words, link: { kind: 'place', path: 'auth.ts', line, column: 0 } });

const layerNames = ['Before policy', 'Policy', 'Approval', 'After mint', 'Gateway', 'Resource'];
const layers = (...standings: readonly (readonly [string, Mark])[]): readonly LayerStory[] =>
  layerNames.map((name, index) => ({ name, standing: standings[index]?.[0] ?? 'not reached', mark: standings[index]?.[1] ?? 'none', decides: index === standings.length - 1 }));

const titles: Readonly<Record<SectionId, string>> = {
  delegation: 'Delegation', approval: 'Approval', verifier: 'Token against verifier', state: 'State then and now', policy: 'Policy', explanation: 'Explanation', hops: 'Hops', notRecorded: 'Not recorded by Caracal',
};
const section = (id: SectionId, summary: string, ...blocks: Section['blocks']): Section => ({ id, title: titles[id], summary, blocks });

const lanes = ['Approval', 'Coordinator', 'STS', 'Gateway', 'billing-api'];
const asked = '7c9e6679-7425-40de-944b-e07fc1f90ae7';
const item = (id: string, lane: number, label: string, from: string, more: Partial<TimelineItem> = {}): TimelineItem => ({
  id, lane, label, from: at(from), until: undefined, isWait: false, mark: 'none', requestId: `request-${id}`, isAskedFor: false, details: [fact('Event', `${label}, ${id}`)], ...more,
});
const mint = { requestId: 'request-mint' };
const call = { requestId: asked, isAskedFor: true };

const row = (number: number, time: string, source: string, message: string, status: string, requestId = ''): PanelLogRow => ({
  row: number, time: at(time), source, level: 'info', message, status, requestId, isOwn: requestId !== '', note: '',
});

/** A call that Caracal allowed and the resource refused: the one of our pictures. */
export const refused: Shown = {
  story: {
    title: 'billing-api 401 · …f90ae7',
    mark: 'failed',
    sentence: 'billing-api refused this call. Caracal had allowed it.',
    more: ['Its verifier expects issuer http://localhost:8080/, with a slash at the end; the token has none. A resource’s refusal leaves no audit event, so Audit shows only “allow”.'],
    about: [fact('Call', 'POST billing-api'), fact('Application', 'refunds-bot'), fact('Zone', 'acme'), fact('Time', '20 Aug 2026, 10:15:28 UTC'), { label: 'Request id', value: code(asked) }],
    layers: layers(['passed', 'passed'], ['allowed', 'passed'], ['approved, used', 'passed'], ['issued', 'passed'], ['passed on', 'passed'], ['refused, 401', 'failed']),
    timeline: {
      summary: '10 events from 7 requests; 9 joins certain, 1 likely',
      lanes,
      items: [
        item('bootstrap', 2, 'bootstrap', '10:14:02.310'),
        item('session', 1, 'session', '10:14:02.658'),
        item('delegation', 1, 'delegation', '10:14:03.123'),
        item('held', 2, 'mint held', '10:14:03.400', mint),
        item('wait', 0, '83 s', '10:14:03.400', { until: at('10:15:26.868'), isWait: true, mark: 'waiting', ...mint }),
        item('approved', 0, 'approved by dana', '10:15:26.868', { mark: 'passed' }),
        item('mint', 2, 'mint', '10:15:28.030', mint),
        item('use', 2, 'use', '10:15:28.211', call),
        item('gateway', 3, '44 ms', '10:15:28.214', { until: at('10:15:28.258'), ...call }),
        item('resource', 4, '401, 31 ms', '10:15:28.227', { until: at('10:15:28.258'), mark: 'failed', ...call }),
      ],
      joins: [
        { from: 'bootstrap', to: 'session', key: 'session id', certainty: 'certain' },
        { from: 'session', to: 'delegation', key: 'session id', certainty: 'certain' },
        { from: 'delegation', to: 'held', key: 'Delegation id', certainty: 'certain' },
        { from: 'held', to: 'wait', key: 'approval id', certainty: 'certain' },
        { from: 'wait', to: 'approved', key: 'approval id', certainty: 'certain' },
        { from: 'approved', to: 'mint', key: 'approval id', certainty: 'certain' },
        { from: 'mint', to: 'use', key: 'time and scopes', certainty: 'likely' },
        { from: 'use', to: 'gateway', key: 'request id', certainty: 'certain' },
        { from: 'gateway', to: 'resource', key: 'request id', certainty: 'certain' },
      ],
    },
    sections: [
      section('delegation', '2 hops, scopes narrow at each', {
        kind: 'chain',
        hops: [
          { application: 'support-desk', session: 'Session …a41c07', delegation: undefined, mark: 'passed', standing: '' },
          { application: 'planner', session: 'Session …7be219', delegation: { name: 'Delegation …d1c3e1', scopes: ['invoice:read', 'invoice:write', 'invoice:refund'] }, mark: 'passed', standing: '' },
          { application: 'refunds-bot', session: 'Session …19d0f4', delegation: { name: 'Delegation …0288fa', scopes: ['invoice:refund'] }, mark: 'passed', standing: '' },
        ],
      }),
      section('approval', 'used once', { kind: 'facts', facts: [fact('Tier', 'high, an operator decides'), fact('Held', '10:14:03, for 83 s'), fact('Approved', '10:15:26 by console:dana'), fact('Used', '10:15:28 by the mint retry')] }),
      section('verifier', '2 of 20 rows differ', {
        kind: 'table',
        heads: ['Check', 'Token', 'Verifier', 'Set in', 'Result'],
        rows: [
          [text('Signature'), code('ES256, key …a23f9a'), code('in zone JWKS'), text('STS'), text('passes', 'passed')],
          [{ text: 'Issuer', isStrong: true }, { text: 'http://localhost:8080', isCode: true, differs: [21, 21] }, { text: 'http://localhost:8080/', isCode: true, differs: [21, 22] }, place('auth.ts:5', 4), text('invalid_token · this refusal', 'failed')],
          [text('Audience'), code('billing-api'), code('billing-api'), place('auth.ts:6', 5), text('passes', 'passed')],
          [text('Scopes'), code('invoice:refund'), code('invoice:refund'), place('auth.ts:8', 7), text('passes', 'passed')],
          [text('Hops'), code('2'), code('1 at most'), place('auth.ts:9', 8), text('hop_count_exceeded · next, once the issuer is right', 'warning')],
          [text('Epoch'), code('7'), code('7 then, 8 now'), text('Redis'), text('passed then; stale by now', 'passed')],
        ],
        folded: { label: '14 rows that agree', rows: Array.from({ length: 14 }, (_, index) => [text(`Claim ${index + 1}`), code('yes'), code('yes'), text('STS'), text('passes', 'passed')]) },
      }, { kind: 'advice', cell: place('Remove the slash at the end of the issuer in auth.ts:5. Keys load with or without it; only the claim is compared exactly.', 4) }),
      section('state', 'on the database clock', {
        kind: 'table',
        heads: ['State', 'Then, 10:15:28', 'Now, 10:22:05'],
        rows: [
          [text('Session …19d0f4'), text('live'), text('live', 'passed')],
          [text('Delegation …0288fa'), text('live, expires 10:45'), text('live', 'passed')],
          [text('Authority record'), text('active'), text('active', 'passed')],
          [text('Revocations'), text('none in 5 stores'), text('none in 5 stores', 'passed')],
          [text('Delegation epoch'), text('7'), text('8, a Delegation was created at 10:19:40', 'warning')],
          [text('Policy in force'), text('version …77d210'), text('version …77d210', 'passed')],
        ],
      }),
      section('policy', 'caracal-refunds-use allowed, same version now', {
        kind: 'facts',
        facts: [fact('Requested', 'invoice:refund'), fact('Granted', 'invoice:refund'), { label: 'Text', value: { text: 'policies/refunds, version …77d210', link: { kind: 'text', title: 'refunds', language: 'rego', text: 'package refunds' } } }],
      }),
      section('explanation', 'not asked for', { kind: 'action', label: 'Simulate…', action: 'simulate' }),
      section('hops', 'nothing: all that may belong to it was read'),
      section('notRecorded', '', { kind: 'facts', facts: [fact('Refusal at the resource', 'no audit event; known from the Gateway line and the response body'), fact('Path of the request', 'neither in the Gateway event nor in its log line')] }),
    ],
  },
  silent: ['STS logs no line for an allowed exchange'],
  rows: [
    row(40, '10:14:02.658', 'coordinator', 'request completed', '201'),
    row(41, '10:14:03.123', 'coordinator', 'request completed', '201', 'request-delegation'),
    row(42, '10:14:03.131', 'api', 'outbox event dispatched', ''),
    row(43, '10:14:41.007', 'gateway', 'proxied', '200'),
    row(44, '10:15:02.550', 'gateway', 'proxied', '200'),
    row(45, '10:15:26.868', 'web', 'operator action', 'approve', 'request-approved'),
    row(46, '10:15:26.874', 'api', 'request completed', '200', 'request-approved'),
    row(47, '10:15:28.258', 'gateway', 'proxied', '401', asked),
    row(48, '10:15:28.259', 'billing-api', 'mandate refused: invalid_token', '401', asked),
    row(49, '10:15:31.412', 'gateway', 'proxied', '200'),
    row(50, '10:15:44.090', 'gateway', 'proxied', '200'),
  ],
};

/** No event exists, and none is expected. */
export const silent: Shown = {
  story: {
    ...refused.story, title: 'STS 400', sentence: 'Caracal refused this call before policy: the subject token is malformed.',
    more: ['No audit event exists, and none is expected: the STS refuses it before it audits. What follows is live state and logs.'],
    about: [fact('Zone', 'acme')], layers: layers(['refused, 400', 'failed']),
    timeline: { summary: 'the audit holds no event of this request, and none is expected', lanes: [], items: [], joins: [] },
    sections: refused.story.sections.map(({ id }) => section(id, 'none was needed')),
  },
  rows: [], silent: ['STS logs no line for a malformed token'],
};

/** A call that waits for an operator. */
export const held: Shown = {
  story: {
    ...refused.story, title: 'billing-api on hold', mark: 'waiting', sentence: 'This call is on hold. An operator can approve it until 14:20.', more: [],
    layers: layers(['passed', 'passed'], ['allowed', 'passed'], ['on hold', 'waiting']),
    timeline: {
      summary: '2 events from 1 request', lanes: ['Approval', 'STS'],
      items: [item('held', 1, 'mint held', '10:14:03.400', { isAskedFor: true }), item('wait', 0, 'waits since 4 min', '10:14:03.400', { until: at('10:18:03.400'), isWait: true, mark: 'waiting', isAskedFor: true, requestId: 'request-held' })],
      joins: [{ from: 'held', to: 'wait', key: 'approval id', certainty: 'certain' }],
    },
    sections: refused.story.sections.map((each) => (each.id === 'delegation' || each.id === 'approval' ? each : section(each.id, 'not reached'))),
  },
  rows: [row(7, '10:14:03.402', 'sts', 'exchange held', '202', 'request-held')], silent: [],
};

const attack = '<script>window.hurt = 1</script><img src=x onerror="window.hurt = 2">\u202Egnp.exe\u202C\u200B\u0007 javascript:window.hurt=3 ${window.hurt=4} {{hurt}} --> ]]> "\' ';

/** Every text comes from someone who means harm. */
export const hostile: Shown = { story: spoiled(refused.story), rows: refused.rows.map((each) => ({ ...each, source: attack, level: attack, message: attack, status: attack, note: attack })), silent: [attack] };

/** The same with every text of others replaced; ids, kinds, marks and our own titles stay. */
function spoiled<Value>(value: Value, key = ''): Value {
  if (typeof value === 'string') return (['id', 'kind', 'mark', 'from', 'to', 'certainty', 'requestId', 'action', 'path', 'language', 'title'].includes(key) ? value : attack) as Value;
  if (Array.isArray(value)) return value.map((each) => spoiled(each as unknown, key)) as Value;
  if (typeof value === 'object' && value !== null) return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, name === 'differs' ? [3, 9] : spoiled(each as unknown, name)])) as Value;
  return value;
}

const start = at('09:00:00.000');

/** 5,000 events with 100,000 rows of log. */
export const large: Shown = {
  story: {
    ...refused.story,
    timeline: {
      summary: '5,000 events from 1,250 requests; 3,749 joins certain', lanes,
      items: Array.from({ length: 5_000 }, (_, index): TimelineItem => ({
        id: `e${index}`, lane: index % 5, label: `event ${index}`, from: start + index * 720, until: index % 4 === 3 ? start + index * 720 + 300 : undefined, isWait: false, mark: index === 4_321 ? 'failed' : 'none',
        requestId: `r${Math.floor(index / 4)}`, isAskedFor: Math.floor(index / 4) === 1_080, details: [fact('Number', String(index))],
      })),
      joins: Array.from({ length: 3_749 }, (_, index) => ({ from: `e${index}`, to: `e${index + 1}`, key: 'request id', certainty: 'certain' as const })),
    },
  },
  silent: [],
  rows: Array.from({ length: 100_000 }, (_, index): PanelLogRow => ({
    row: index, time: start + index * 36, source: ['sts', 'gateway', 'api', 'audit', 'coordinator'][index % 5] ?? '', level: 'info', message: `line ${index}`, status: index % 7 === 0 ? '200' : '', requestId: index % 20 === 0 ? `r${Math.floor((index * 36) / 2_880)}` : '',
    isOwn: index % 20 === 0, note: '',
  })),
};
