import { deepEqual, equal } from 'node:assert/strict';
import { parseFilter } from '../../src/logs/filter.ts';
import { LogHub } from '../../src/logs/hub.ts';
import { LogView } from '../../src/logs/view.ts';
import { spillInMemory } from './spill.ts';

const time = Date.UTC(2026, 7, 20, 14);
const line = (msg: string, more: object = {}): string => JSON.stringify({ level: 'info', time: new Date(time).toISOString(), service: 'coordinator', reqId: 'r-1', ...more, msg });
const call = (url: string, reqId = 'r-1'): string => line('incoming request', { reqId, req: { method: 'GET', url, host: '127.0.0.1:4000' } });
const answer = (reqId = 'r-1'): string => line('request completed', { reqId, res: { statusCode: 200 }, responseTime: 2.4 });
const ofWeb = (path: string): string => line('request', { service: 'caracal-auth', reqId: undefined, id: 'w-1', method: 'GET', path, status: 200, durationMs: 3 });

/** Rows that are shown of a log of these lines. */
function shown(lines: readonly string[], filter = ''): number[] {
  const hub = new LogHub(spillInMemory());
  hub.caughtUp(hub.addSource('coordinator', time));
  hub.lines(0, lines.map((text, index) => ({ stamp: new Date(time + index).toISOString(), stream: 'stdout', bytes: Buffer.from(text) })), time);
  hub.settle(time + 60_000);
  const view = new LogView(hub);
  view.setFilter(parseFilter(filter, hub.sources, time));
  Array.from(view.extend());
  return Array.from({ length: view.length }, (_, place) => view.rowAt(place));
}

describe('lines of probes', () => {
  const cases: readonly (readonly [what: string, lines: readonly string[], shown: readonly number[]])[] = [
    ['a probe and its answer', [call('/ready'), answer()], []],
    ['with a query', [call('/health?x=1'), answer()], []],
    ['of figures', [call('/metrics'), answer(), call('/stats', 'r-2'), answer('r-2')], []],
    ['another call', [call('/zones/z-1'), answer()], [0, 1]],
    ['a path that only begins so', [call('/readyz'), answer()], [0, 1]],
    ['answers that come in between', [call('/ready', 'r-1'), call('/zones', 'r-2'), answer('r-2'), answer('r-1')], [1, 2]],
    ['a second answer to the same id', [call('/ready'), answer(), answer()], [2]],
    ['what went wrong in a probe', [call('/ready'), line('ready_redis_unreachable'), answer()], [1]],
    ['of web', [ofWeb('/ready'), ofWeb('/health'), ofWeb('/api/console/v1/zones')], [2]],
    ['a message that only begins so', [line('incoming request of web', { req: { url: '/ready' } })], [0]],
  ];
  for (const [what, lines, rows] of cases) it(`are hidden: ${what}`, () => deepEqual(shown(lines), rows));

  it('are shown when they are wanted, and when one request is', () => {
    const lines = [call('/ready'), answer(), call('/zones', 'r-2')];
    deepEqual(shown(lines, 'probes:shown'), [0, 1, 2]);
    deepEqual(shown(lines, 'id:r-1'), [0, 1]);
    deepEqual(shown([line('zone_guc_set_failed', { level: 'error' }), ...lines], 'level:error around:3'), [0, 3]);
  });

  it('are counted', () => {
    const hub = new LogHub(spillInMemory());
    hub.caughtUp(hub.addSource('coordinator', time));
    hub.lines(0, [call('/ready'), answer(), line('listening')].map((text) => ({ stamp: new Date(time).toISOString(), stream: 'stdout', bytes: Buffer.from(text) })), time);
    hub.settle(time + 60_000);
    equal(hub.index.probes, 2);
  });
});
