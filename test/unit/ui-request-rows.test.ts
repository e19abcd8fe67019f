import { deepEqual, equal } from 'node:assert/strict';
import type { FailedCall } from '../../src/trace/failedCalls.ts';
import { newerCalls, requestRows } from '../../src/ui/trace/requestRows.ts';
import type { EmptyText, Listing, Obstacle } from '../../src/ui/trace/requestRows.ts';
import { TracedRequests } from '../../src/ui/trace/tracedRequests.ts';
import type { TracedRequest } from '../../src/ui/trace/tracedRequests.ts';

const now = new Date(2026, 7, 20, 14, 30).getTime();
const call: FailedCall = { requestId: '0198f6a1-7000-7abc-8def-000000f90ae7', label: 'billing-api 401', status: 401, application: 'refunds-bot', at: new Date(2026, 7, 20, 14, 15, 28).getTime(), mark: 'failed', sentence: 'The Gateway saw this mandate before.', code: 'replay_detected' };
const listed = (calls: readonly FailedCall[], isWhole = true, askedAt?: number): Listing => ({ kind: 'calls', recent: { calls, isWhole }, askedAt });
const cannot = (obstacle: Obstacle): Listing => ({ kind: 'cannot', obstacle, why: 'connect ECONNREFUSED' });
const traced: TracedRequest = { id: 'r-1', title: 'resource://billing-api 401 · …f90ae7', at: new Date(2026, 7, 19, 9, 5).getTime() };

describe('Rows of requests', () => {
  it('tell a call by its resource, who called, when and why', () => {
    const { roots, count } = requestRows(listed([call]), [], now);
    const [row] = roots;
    deepEqual([row?.id, row?.label, row?.description, row?.icon?.id, row?.traces], [`recent/${call.requestId}`, 'billing-api 401', '14:15:28, refunds-bot, replay_detected', 'error', call.requestId]);
    equal(row?.spoken, 'billing-api 401, failed, The Gateway saw this mandate before, 14:15:28, refunds-bot');
    equal(row.tooltip, `The Gateway saw this mandate before.\nreplay_detected · Application refunds-bot · ${new Date(call.at).toISOString()} by the clock of Caracal\nRequest ${call.requestId}`);
    equal(count, '1 in the last hour');
  });

  it('say no code twice, and nothing of a caller that is not known', () => {
    const [row] = requestRows(listed([{ ...call, code: '401', application: '' }]), [], now).roots;
    deepEqual([row?.description, row?.spoken], ['14:15:28', 'billing-api 401, failed, The Gateway saw this mandate before, 14:15:28']);
  });

  it('have an icon for each state', () => {
    const icons = (['failed', 'warning', 'waiting', 'unknown', 'passed', 'none'] as const).map((mark) => requestRows(listed([{ ...call, mark }]), [], now).roots[0]?.icon?.id);
    deepEqual(icons, ['error', 'warning', 'clock', 'question', 'pass', undefined]);
  });

  it('keep what was traced before in a row of its own', () => {
    const [group, row] = requestRows(listed([call]), [traced], now).roots;
    deepEqual([group?.id, group?.label, group?.description, group?.spoken], ['traced', 'Traced before', '1', 'Traced before, 1']);
    deepEqual(group?.children.map(({ id, label, description, traces }) => [id, label, description, traces]), [['traced/r-1', 'billing-api 401', 'traced 19 Aug, 09:05', 'r-1']]);
    equal(row?.traces, call.requestId);
  });

  const empty: readonly (readonly [Listing, EmptyText])[] = [
    [{ kind: 'reading' }, 'reading'], [listed([]), 'none'], [cannot('target'), 'target'], [cannot('zone'), 'zone'], [cannot('consent'), 'consent'], [cannot('access'), 'access'],
  ];
  for (const [listing, text] of empty) {
    it(`are none where there is nothing to show: ${text}`, () => {
      const rows = requestRows(listing, [], now);
      deepEqual([rows.roots, rows.empty], [[], text]);
    });
  }

  it('say why calls cannot be listed, with the way out, where no other text can', () => {
    const rows = (listing: Listing, before: readonly TracedRequest[]): unknown => requestRows(listing, before, now).roots.map(({ id, description, command }) => [id, description, command?.id]);
    deepEqual(rows(cannot('problem'), []), [['cannot', 'connect ECONNREFUSED', 'caracal.refreshRequests']]);
    deepEqual(rows(cannot('zone'), [traced]), [['traced', '1', undefined], ['cannot', 'connect ECONNREFUSED', 'caracal.pickZone']]);
    deepEqual(rows(cannot('consent'), [traced]), [['traced', '1', undefined], ['cannot', 'connect ECONNREFUSED', 'caracal.refreshRequests']]);
    deepEqual(rows(cannot('target'), [traced]), []);
  });

  it('are counted', () => {
    const counts = [listed([]), listed([call], false), listed([call], true, now), { kind: 'reading' } as const, cannot('zone')].map((listing) => requestRows(listing, [], now).count);
    deepEqual(counts, ['none in the last hour', 'newest 1 of the last hour', '1 in the last hour · by the API at 14:30', '', '']);
    const other = { ...call, requestId: 'other' };
    deepEqual([newerCalls(listed([call]), listed([other, call])), newerCalls(listed([other, call]), listed([call])), newerCalls({ kind: 'reading' }, listed([call])), newerCalls(listed([call]), cannot('problem'))], [1, 0, 1, 0]);
  });
});

describe('Traced requests', () => {
  it('are kept by target, newest first, each once, and no more than anybody looks for', async () => {
    const stored = new Map<string, unknown>();
    const requests = new TracedRequests({ get: (key) => stored.get(key), update: (key, value) => Promise.resolve(void stored.set(key, value)) });
    let fired = 0;
    requests.onDidChange(() => (fired += 1));
    for (let place = 0; place < 25; place += 1) await requests.add('one', { id: `r-${place}`, title: 't', at: place });
    await requests.add('one', { id: 'r-20', title: 'again', at: 30 });
    await requests.add('other', traced);
    deepEqual(requests.of('one').slice(0, 3).map(({ id, title }) => `${id} ${title}`), ['r-20 again', 'r-24 t', 'r-23 t']);
    deepEqual(requests.lately('one'), undefined, 'it was long ago');
    deepEqual([requests.of('one').length, requests.of('other').length, requests.of('none').length, fired], [20, 1, 0, 27]);
    await requests.add('one', { id: 'now', title: 't', at: Date.now() });
    deepEqual(requests.lately('one')?.id, 'now');
  });
});
