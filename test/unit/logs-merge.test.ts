import { deepEqual, equal, ok, throws } from 'node:assert/strict';
import { Cursor, wholeStamp } from '../../src/logs/cursor.ts';
import type { CursorLine } from '../../src/logs/cursor.ts';
import { holdBackMs, Merger } from '../../src/logs/merge.ts';

describe('records of several sources', () => {
  const [sts, gateway, web] = [0, 1, 2] as const;

  const out = (merger: Merger<string>, now: number): string[] => [...merger.release(now)].map(({ item, lateMs }) => (lateMs === 0 ? item : `${item} late by ${lateMs}`));

  function of(...sources: number[]): Merger<string> {
    const merger = new Merger<string>();
    for (const source of sources) merger.add(source);
    return merger;
  }

  it('come in the order of their times, whatever the order in which they are brought', () => {
    const merger = of(sts, gateway);
    for (const [source, time] of [[sts, 10], [sts, 30], [gateway, 20], [gateway, 40], [sts, 50]] as const) merger.push(source, `${source === sts ? 'sts' : 'gateway'} ${time}`, time, 100);
    deepEqual(out(merger, 100), ['sts 10', 'gateway 20', 'sts 30', 'gateway 40'], 'the gateway may still bring 45');
    merger.caughtUp(gateway);
    merger.caughtUp(sts);
    deepEqual(out(merger, 100), []);
    deepEqual(out(merger, 100 + holdBackMs), ['sts 50']);
  });

  it('wait for a source that loads what was logged before, however long that takes', () => {
    const merger = of(sts, gateway);
    merger.caughtUp(sts);
    merger.push(sts, 'later', 90, 100);
    deepEqual(out(merger, 60_000), []);
    merger.push(gateway, 'earlier', 80, 60_000);
    deepEqual(out(merger, 60_000), ['earlier']);
    merger.caughtUp(gateway);
    deepEqual(out(merger, 60_000), ['later']);
  });

  it('that come after the hold-back are given out at once and marked', () => {
    const merger = of(sts, gateway);
    merger.caughtUp(sts);
    merger.caughtUp(gateway);
    merger.push(sts, 'first', 1000, 1000);
    deepEqual(out(merger, 1000 + holdBackMs), ['first']);
    merger.push(gateway, 'straggler', 900, 1600);
    deepEqual(out(merger, 1600 + holdBackMs), ['straggler late by 100']);
    merger.push(gateway, 'second', 1001, 2200);
    deepEqual(out(merger, 2200 + holdBackMs), ['second']);
  });

  it('stay in the order of their source when its clock goes back, and when they have no time', () => {
    const merger = of(sts);
    merger.push(sts, 'a', undefined, 5);
    merger.push(sts, 'b', 100, 5);
    merger.push(sts, 'c', 40, 5);
    merger.push(sts, 'd', undefined, 5);
    merger.push(sts, 'e', 100, 5);
    deepEqual(out(merger, 5), ['a', 'b', 'c', 'd', 'e']);
  });

  it('are all given out, once and in order, under load', () => {
    const sources = [0, 1, 2, 3, 4];
    const merger = of(...sources);
    for (const source of sources) merger.caughtUp(source);
    const given: number[] = [];
    let last = -Infinity;
    const take = (now: number): void => {
      for (const { item, lateMs } of merger.release(now)) {
        equal(lateMs, 0);
        given.push(Number(item));
      }
      last = given.at(-1) ?? last;
    };
    for (let time = 0; time < 20_000; time += 1) {
      // Each source lags by up to 400 ms of its own.
      merger.push(time % 5, String(time), time, time + ((time % 5) * 100));
      if (time % 50 === 0) take(time);
    }
    take(1e6);
    deepEqual(given, Array.from({ length: 20_000 }, (_, index) => index));
  });

  it('of a source that was not added are an error', () => {
    throws(() => of(sts).push(web, 'x', 1, 1), /no source 2/);
  });
});

describe('a cursor in a log', () => {
  const log = ['10:00:00Z a', '10:00:00.1Z b', '10:00:00.1Z c', '10:00:00.1Z d', '10:00:00.12Z e', '10:00:01Z f', '10:00:01Z g'].map((line) => `2026-08-20T${line}`);
  const stampOf = (line: string): string => line.split(' ')[0] ?? '';
  const lineOf = (line: string): CursorLine => ({ stamp: stampOf(line), bytes: Buffer.from(line.split(' ')[1] ?? '') });
  const read = (cursor: Cursor, lines: readonly string[]): { readonly got: string[]; readonly isComplete: boolean } => {
    const resumption = cursor.resume();
    const got = lines.filter((line) => resumption.isNew(lineOf(line)) && cursor.read(lineOf(line)));
    return { got, isComplete: resumption.isComplete };
  };
  const from = (since: string | undefined, lines: readonly string[]): string[] => lines.filter((line) => since === undefined || wholeStamp(stampOf(line)) >= wholeStamp(since));

  it('goes on without a line lost or repeated, wherever the stream broke off', () => {
    for (let first = 0; first <= log.length; first += 1) {
      for (let second = first; second <= log.length; second += 1) {
        const cursor = new Cursor();
        const parts = [first, second, log.length].map((end) => read(cursor, from(cursor.since, log.slice(0, end))));
        deepEqual(parts.flatMap(({ got }) => got), log, `${first}, ${second}`);
        ok(parts.every(({ isComplete }) => isComplete));
      }
    }
  });

  it('loses no line of stderr that was stamped before one of stdout and came after it', () => {
    const cursor = new Cursor();
    const [late, early] = ['2026-08-20T10:00:00.000000002Z out', '2026-08-20T10:00:00.000000001Z err'];
    read(cursor, [late]);
    deepEqual(read(cursor, [late, early]).got, [early]);
  });

  it('drops what an engine repeats when it rotates a log, and keeps lines of one stamp', () => {
    const cursor = new Cursor();
    deepEqual(read(cursor, [...log, ...log.slice(3), '2026-08-20T10:00:02Z h']).got, [...log, '2026-08-20T10:00:02Z h']);
    deepEqual(read(new Cursor(), [...log.slice(0, 1), ...log.slice(0, 1), ...log.slice(1)]).got, log, 'the last line twice');
  });

  it('knows when nothing of what it read is left: what came after it may be lost', () => {
    const cursor = new Cursor();
    read(cursor, log.slice(0, 3));
    equal(read(cursor, log.slice(4)).isComplete, false);
  });

  it('does not bring what was left out because no more lines were asked for', () => {
    const cursor = new Cursor();
    read(cursor, log.slice(4));
    deepEqual(read(cursor, from(cursor.since, log)), { got: [], isComplete: true });
  });

  it('is not led astray by words that have no stamp', () => {
    const cursor = new Cursor();
    deepEqual(read(cursor, [...log, 'unable to']).got, [...log, 'unable to']);
    deepEqual(read(cursor, from(cursor.since, [...log, '2026-08-20T10:00:02Z h'])).got, ['2026-08-20T10:00:02Z h']);
    equal(cursor.newest, '2026-08-20T10:00:02.000000000Z');
  });

  it('remembers no more than two seconds', () => {
    const cursor = new Cursor();
    read(cursor, ['2026-08-20T10:00:00Z', '2026-08-20T10:00:07Z', '2026-08-20T10:09:00.5Z']);
    equal(cursor.since, '2026-08-20T10:00:07Z');
    equal(cursor.newest, '2026-08-20T10:09:00.500000000Z');
  });

  it('does not take the same moment in another spelling for a new one', () => {
    const cursor = new Cursor();
    read(cursor, ['2026-08-20T10:00:00.120Z a']);
    deepEqual(read(cursor, ['2026-08-20T10:00:00.12Z a', '2026-08-20T10:00:00.12Z b']).got, ['2026-08-20T10:00:00.12Z b']);
  });
});
