import { deepEqual, equal, ok } from 'node:assert/strict';
import { logMessages } from '../../src/caracal/logMessages.ts';
import { misleadingMessages } from '../../src/caracal/misleadingMessages.ts';
import { logSources } from '../../src/caracal/logSources.ts';
import { LogHub } from '../../src/logs/hub.ts';
import type { Mark } from '../../src/logs/marks.ts';
import { LogView } from '../../src/logs/view.ts';
import { spillInMemory } from './spill.ts';

const time = Date.UTC(2026, 7, 20, 14);
const go = (service: string, level: string, msg: string, more: object = {}): string => JSON.stringify({ level, service, ...more, time, msg });
const node = (service: string, level: string, msg: string, more: object = {}): string => JSON.stringify({ level, time: new Date(time).toISOString(), service, ...more, msg });
const setnx = (id: string): string => go('gateway', 'warn', 'jti tracker setnx failed', { request_id: id, fail_open: false });
const replay = (id: string): string => go('gateway', 'info', 'denied: jti replay', { request_id: id, status: 401 });

/** The notes at the lines of one source. */
function notes(source: string, lines: readonly (string | Mark)[], raw = false): (string | undefined)[] {
  const hub = new LogHub(spillInMemory());
  hub.caughtUp(hub.addSource(source, time));
  for (const [index, line] of lines.entries()) {
    if (typeof line === 'string') hub.lines(0, [{ stamp: new Date(time + index).toISOString(), stream: 'stderr', bytes: Buffer.from(line) }], time + index);
    else hub.mark(0, line, time + index);
  }
  hub.settle(time + 60_000);
  const view = new LogView(hub);
  Array.from(view.extend());
  return view.window(0, { before: 0, after: Infinity, raw, late: hub.late }).looks.map((look) => look?.note);
}

describe('lines that mislead', () => {
  const ended: Mark = { kind: 'ended', end: 'exit code 1' };
  const cases: readonly (readonly [what: string, source: string, lines: readonly (string | Mark)[], notes: readonly (RegExp | undefined)[]])[] = [
    ['a replay that was none', 'gateway', [setnx('r-1'), replay('r-1')], [undefined, /^not a cause: no replay, Redis failed$/]],
    ['a replay', 'gateway', [replay('r-1')], [undefined]],
    ['a replay of another request', 'gateway', [setnx('r-1'), replay('r-2')], [undefined, undefined]],
    ['a replay without an id', 'gateway', [setnx('r-1'), go('gateway', 'info', 'denied: jti replay')], [undefined, undefined]],
    ['a refusal of the STS that is not about the caller', 'gateway', [go('gateway', 'warn', 'sts exchange failed', { status: 401, error_code: 'access_denied' }), go('gateway', 'warn', 'sts exchange failed', { status: 403, error_code: 'access_denied' })], [/^not the caller: GATEWAY_STS_HMAC_KEY/, undefined]],
    ['an error of the resource server', 'gateway', [go('gateway', 'info', 'proxied', { status: 502 }), go('gateway', 'info', 'proxied', { status: 200 })], [/^not the Gateway/, undefined]],
    ['an error of Redis', 'api', [node('api', 'error', 'unhandled route error', { err: { type: 'MaxRetriesPerRequestError', message: 'Reached the max retries per request limit' } }), node('api', 'error', 'unhandled route error', { err: { type: 'TypeError', message: 'x is not a function' } })], [/^not a bug: Redis/, undefined]],
    ['signatures after a change of the key', 'audit', [go('audit', 'error', 'tamper: chain HMAC mismatch'), go('audit', 'error', 'tamper: content hash mismatch')], [/^no proof of a change/, undefined]],
    ['what swallows the reason', 'dbMigrate', ['migrate: database did not become reachable'], [/^may be the password/]],
    ['what the Compose file sets', 'api', ['caracal: CARACAL_ALLOW_INSECURE_CONFIG_URLS is active in production; use it only where'], [/^not a cause: the Compose file/]],
    ['notes of Node', 'coordinator', ['(node:1) DeprecationWarning: Calling client.query() when the client is already executing'], [/^not a cause: a note of Node/]],
    ['a start without a word', 'sts', [ended], [/^the line that says why may be lost/]],
    ['an end after other lines', 'sts/x7k2p', [go('sts', 'info', 'listening'), ended], [undefined, /^the line that says why may be lost/]],
    ['an end that was told', 'sts', [go('sts', 'error', 'init failed', { error: 'db: refused' }), ended], [undefined, undefined]],
    ['another end', 'sts', [{ kind: 'ended', end: 'exit code 137' }], [undefined]],
    ['an end of what loses nothing', 'api', [ended], [undefined]],
  ];
  for (const [what, source, lines, expected] of cases) {
    it(what, () => {
      const found = notes(source, lines);
      equal(found.length, expected.length);
      for (const [index, note] of expected.entries()) ok(note === undefined ? found[index] === undefined : note.test(found[index] ?? ''), `${index}: ${found[index]}`);
    });
  }

  it('have no note where they stand as they were logged', () => {
    deepEqual(notes('gateway', [setnx('r-1'), replay('r-1')], true), [undefined, undefined]);
  });

  it('are known messages', () => {
    const ids = new Set(logSources.flatMap((source) => Object.keys(logMessages[source]).map((text) => `${source}: ${text}`)));
    deepEqual(misleadingMessages.flatMap(({ message, after }) => [message, ...(after === undefined ? [] : [after])]).filter((id) => !ids.has(id)), []);
  });
});

describe('a line of which the service left out a part', () => {
  it('says so below it', () => {
    const hub = new LogHub(spillInMemory());
    hub.caughtUp(hub.addSource('sts', time));
    hub.lines(0, [{ stamp: new Date(time).toISOString(), stream: 'stderr', bytes: Buffer.from(go('sts', 'error', 'policy evaluation failed', { error: `${'x'.repeat(50)}…[truncated]` })) }], time);
    hub.settle(time + 60_000);
    const view = new LogView(hub);
    Array.from(view.extend());
    const { lines, rows } = view.window(0, { before: 0, after: 10, raw: true, late: hub.late });
    deepEqual([lines.length, lines[1], [...rows]], [2, '──── sts: a value of the line above was cut by the service ────', [0, 0]]);
  });
});
