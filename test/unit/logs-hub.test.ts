import { deepEqual, equal } from 'node:assert/strict';
import { parseFilter } from '../../src/logs/filter.ts';
import { LogHub } from '../../src/logs/hub.ts';
import type { Mark } from '../../src/logs/marks.ts';
import { LogView } from '../../src/logs/view.ts';
import { spillInMemory } from './spill.ts';

const start = Date.UTC(2026, 7, 20, 14);
const at = (ms: number): string => new Date(start + ms).toISOString().replace('Z', '000000Z');
const json = (ms: number, msg: string, more: object = {}): string => JSON.stringify({ level: 'info', service: 'sts', time: start + ms, msg, ...more });

class Playground {
  readonly hub = new LogHub(spillInMemory());
  readonly view = new LogView(this.hub);

  constructor(...names: readonly string[]) {
    for (const name of names) this.hub.caughtUp(this.hub.addSource(name, start));
  }

  /** Brings lines with the stamps of the runtime. */
  bring(source: number, lines: readonly (readonly [ms: number, text: string])[], now: number): void {
    this.hub.lines(source, lines.map(([ms, text]) => ({ stamp: at(ms), stream: 'stdout', bytes: Buffer.from(text) })), start + now);
  }

  mark(source: number, mark: Mark, now: number): void {
    this.hub.mark(source, mark, start + now);
  }

  /** What is shown once everything has its place. */
  shown(filter = '', raw = true): readonly string[] {
    this.hub.settle(start + 60_000);
    this.view.setFilter(parseFilter(filter, this.hub.sources, start));
    Array.from(this.view.extend());
    return this.view.window(0, { before: 0, after: Infinity, raw, late: this.hub.late }).lines;
  }
}

describe('a log as it comes in', () => {
  it('has records of all sources in the order of their times', () => {
    const log = new Playground('sts', 'gateway');
    log.bring(0, [[0, json(0, 'one')], [30, json(30, 'three')]], 40);
    log.bring(1, [[20, json(20, 'two')], [40, json(40, 'four')]], 50);
    deepEqual(log.shown().map((line) => (JSON.parse(line) as { msg: string }).msg), ['one', 'two', 'three', 'four']);
  });

  it('has what nobody has timed after the line before it, among what was logged before', () => {
    const hub = new LogHub(spillInMemory());
    const [sts, api] = [hub.addSource('sts', start), hub.addSource('api', start)];
    hub.lines(sts, [{ stamp: '', stream: undefined, bytes: Buffer.from(json(50, 'later')) }], start + 60_000);
    for (const text of [json(0, 'one'), 'TypeError: boom', '    at one (file:///app/a.js:1:1)']) hub.lines(api, [{ stamp: '', stream: undefined, bytes: Buffer.from(text) }], start + 60_000);
    hub.caughtUp(sts);
    hub.caughtUp(api);
    hub.settle(start + 61_000);
    deepEqual([...hub.index.time.subarray(0, hub.index.length)].map((time) => time - start), [0, 0, 50]);
  });

  it('keeps lines of one record together, those of both streams apart', () => {
    const log = new Playground('api');
    const { hub } = log;
    const line = (stream: 'stdout' | 'stderr', text: string): void => hub.lines(0, [{ stamp: at(0), stream, bytes: Buffer.from(text) }], start);
    line('stderr', '[ioredis] Unhandled error event: Error: connect ECONNREFUSED');
    line('stdout', json(1, 'incoming request'));
    line('stderr', '    at TCPConnectWrap.afterConnect');
    line('stderr', '[ioredis] Unhandled error event: Error: connect ECONNREFUSED');
    hub.settle(start + 60_000);
    deepEqual(hub.index.length, 3);
    equal(log.shown().filter((text) => text.startsWith('    at')).length, 1);
  });

  it('believes a process its time, unless its clock is far from that of its machine', () => {
    const log = new Playground('sts', 'gateway');
    log.bring(0, [[1000, json(-3_600_000, 'an hour behind')]], 1000);
    log.bring(1, [[500, json(499, 'in time')]], 1000);
    deepEqual(log.shown().map((line) => (JSON.parse(line) as { msg: string }).msg), ['in time', 'an hour behind']);
    equal(log.hub.skewMs, 3_601_000);
  });

  it('tells by how much a record came too late', () => {
    const log = new Playground('sts', 'gateway');
    log.bring(0, [[0, json(5_000, 'first')]], 5_000);
    log.hub.settle(start + 6_000);
    log.bring(1, [[0, json(2_000, 'late')]], 6_100);
    deepEqual(log.shown('', false).map((line) => line.slice(33)), ['first', 'late  late by 3.0 s']);
    deepEqual(log.shown(), [json(5_000, 'first'), json(2_000, 'late')], 'raw lines are as they were logged');
  });

  it('has marks as lines of their own, whatever is looked for', () => {
    const log = new Playground('sts');
    log.bring(0, [[0, json(0, 'one')]], 0);
    log.mark(0, { kind: 'back', lostAt: start + 1000, afterMs: 4200 }, 5000);
    log.bring(0, [[6000, json(6000, 'two')]], 6000);
    deepEqual(log.shown('two').map((line) => line.replace(/^\{.*/, 'record')), ['──── sts: stream lost at 14:00:01, back after 4.2 s ────', 'record']);
  });

  const marks: readonly (readonly [mark: Mark, text: string])[] = [
    [{ kind: 'lost', at: start, why: 'refused' }, 'stream lost at 14:00:00: refused'],
    [{ kind: 'missing', from: at(0), to: at(7000) }, 'lines are missing after 14:00:00, before 14:00:07'],
    [{ kind: 'missing', from: '', to: '' }, 'lines are missing after the beginning'],
    [{ kind: 'restarted', end: 'exit code 137' }, 'restarted after exit code 137, the log goes on'],
    [{ kind: 'restarted', end: undefined }, 'restarted, the log goes on'],
    [{ kind: 'ended', end: 'OOMKilled, exit code 137' }, 'ended, OOMKilled, exit code 137'],
    [{ kind: 'removed' }, 'source ended: container removed'],
    [{ kind: 'rotated' }, 'the file was rotated, the log goes on'],
    [{ kind: 'refused', why: 'no permission: get pods/log' }, 'cannot be read: no permission: get pods/log'],
  ];
  for (const [mark, text] of marks) {
    it(`says: ${text}`, () => {
      const log = new Playground('sts');
      log.mark(0, mark, 0);
      deepEqual(log.shown(), [`──── sts: ${text} ────`]);
    });
  }

  it('counts known messages and errors of one shape', () => {
    const log = new Playground('gateway', 'sts');
    for (let number = 0; number < 5; number += 1) {
      log.bring(0, [[number * 10, JSON.stringify({ level: 'error', service: 'gateway', time: start + number * 10, error: `dial 10.0.0.${number}:6379`, msg: 'revocation consumer read failed' })]], number * 10);
    }
    log.bring(1, [[60, JSON.stringify({ level: 'error', service: 'sts', time: start + 60, error: 'opa eval: conflict', msg: 'policy evaluation failed' })]], 60);
    log.bring(1, [[70, json(70, 'nobody knows this')]], 70);
    log.shown();
    deepEqual(log.hub.findings.findings().map(({ id, count, first, last }) => [id, count, first, last]), [
      ['gateway: revocation consumer read failed', 5, 0, 4], ['sts: policy evaluation failed', 1, 5, 5],
    ]);
    deepEqual(log.hub.findings.groups().map(({ title, count, sources }) => [title, count, sources]), [
      ['revocation consumer read failed: dial 10.0.0.0:6379', 5, ['gateway']], ['policy evaluation failed: opa eval: conflict', 1, ['sts']],
    ]);
  });

  it('has those of several of one service under its name', () => {
    const log = new Playground('sts', 'sts/x7k2p', 'gateway');
    for (const source of [0, 1, 2]) log.bring(source, [[source, json(source, `of ${source}`)]], 10);
    deepEqual(log.shown('source:sts').map((line) => (JSON.parse(line) as { msg: string }).msg), ['of 0', 'of 1']);
    deepEqual(log.shown('-source:sts').map((line) => (JSON.parse(line) as { msg: string }).msg), ['of 2']);
  });

  it('goes on under a filter, and keeps context', () => {
    const log = new Playground('sts');
    const numbers = (filter: string): readonly number[] => log.shown(filter).map((line) => (JSON.parse(line) as { n: number }).n);
    log.bring(0, Array.from({ length: 10 }, (_, n) => [n, json(n, n % 4 === 0 ? 'four' : 'other', { n })] as const), 10);
    deepEqual(numbers('four'), [0, 4, 8]);
    deepEqual(numbers('four around:1'), [0, 1, 3, 4, 5, 7, 8, 9]);
    log.view.setFilter(parseFilter('four around:1', log.hub.sources, start));
    Array.from(log.view.extend());
    log.bring(0, [[10, json(10, 'other', { n: 10 })], [11, json(11, 'other', { n: 11 })], [12, json(12, 'four', { n: 12 })]], 20);
    log.hub.settle(start + 70_000);
    Array.from(log.view.extend());
    const { lines } = log.view.window(0, { before: 0, after: Infinity, raw: true, late: new Map() });
    deepEqual(lines.map((line) => (JSON.parse(line) as { n: number }).n), [0, 1, 3, 4, 5, 7, 8, 9, 11, 12]);
  });
});
