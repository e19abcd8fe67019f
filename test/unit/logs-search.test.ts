import { deepEqual, equal } from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openLogFile, openSpill } from '../../src/logs/bytes.ts';
import type { LogBytes } from '../../src/logs/bytes.ts';
import { noFilter, parseFilter } from '../../src/logs/filter.ts';
import { indexLog, LogIndex } from '../../src/logs/index.ts';
import { levels, readRecord } from '../../src/logs/record.ts';
import { literalOf, recordBytes, rowsOfRequest, search } from '../../src/logs/search.ts';
import type { IndexedLog } from '../../src/logs/search.ts';

function inMemory(text: string | Buffer): LogBytes {
  const bytes = Buffer.from(text);
  return { length: bytes.length, read: (from, to) => bytes.subarray(from, to), close: () => undefined };
}

function indexed(bytes: LogBytes): IndexedLog {
  const index = new LogIndex();
  Array.from(indexLog(bytes, 0, index));
  return { bytes, index, sources: ['sts'] };
}

function found(log: IndexedLog, typed: string): number[] {
  return [...search(log, parseFilter(typed, log.sources, Date.UTC(2026, 7, 20)))].flatMap(({ rows }) => rows);
}

const time = Date.UTC(2026, 7, 20, 14);
const lines = [
  { level: 'info', service: 'sts', request_id: 'req-1', time, msg: 'listening' },
  { level: 'error', service: 'sts', request_id: 'req-2', time: time + 1000, msg: 'policy evaluation failed', error: 'opa eval: conflict' },
  { level: 'warn', service: 'sts', request_id: 'req-22', time: time + 2000, msg: 'claim pending' },
  { level: 'info', service: 'sts', span_id: 'req-2', time: time + 3000, msg: 'Policy loaded' },
].map((line) => JSON.stringify(line));
const text = `${lines.slice(0, 2).join('\n')}\npanic: boom\n\ngoroutine 1 [running]:\n${lines.slice(2).join('\n')}\n`;

describe('an indexed log', () => {
  const log = indexed(inMemory(text));

  it('has a row for each record, with its bytes', () => {
    equal(log.index.length, 5);
    deepEqual(Array.from({ length: 5 }, (_, row) => recordBytes(log, row).toString()), [lines[0], lines[1], 'panic: boom\n\ngoroutine 1 [running]:', lines[2], lines[3]]);
    deepEqual([...log.index.level.subarray(0, 5)].map((level) => levels[level - 1]), ['info', 'error', 'fatal', 'warn', 'info']);
    deepEqual([...log.index.time.subarray(0, 5)].map((at) => at - time), [0, 1000, 1000, 2000, 3000], 'a record without a time happened after the one before');
  });

  const searches: readonly (readonly [typed: string, rows: readonly number[]])[] = [
    ['', [0, 1, 2, 3, 4]],
    ['policy', [1]],
    ['/policy/i', [1, 4]],
    ['-policy', [0, 2, 3, 4]],
    ['goroutine', [2]],
    ['e', [0, 1, 2, 3, 4]],
    ['level:warn', [1, 2, 3]],
    ['level:error policy', [1]],
    ['id:req-2', [1, 4]],
    ['id:…eq-2', [1, 4]],
    ['id:req', []],
    ['after:14:00:01 before:14:00:03', [1, 2, 3]],
    ['-source:sts', []],
    ['nothing', []],
    ['"opa eval"', [1]],
    ['/eval.*conflict/ -boom', [1]],
  ];
  for (const [typed, rows] of searches) it(`shows of: ${typed || 'no filter'}`, () => deepEqual(found(log, typed), rows));

  it('finds the records of a request by its id alone', () => {
    deepEqual([rowsOfRequest(log, 'req-2'), rowsOfRequest(log, 'req-22'), rowsOfRequest(log, 'req-3')], [[1], [3], []]);
  });

  it('of nothing has no rows', () => {
    const empty = indexed(inMemory(''));
    equal(empty.index.length, 0);
    deepEqual(found(empty, 'x'), []);
    deepEqual(found(empty, ''), []);
  });

  it('without a newline at its end has all rows', () => {
    deepEqual(recordBytes(indexed(inMemory('a\nb')), 1).toString(), 'b');
  });

  it('is the same whatever lies where its parts meet', () => {
    const bodies = readdirSync(new URL('../fixtures/logs/', import.meta.url)).map((file) => readFileSync(new URL(`../fixtures/logs/${file}`, import.meta.url), 'utf8'));
    const once = bodies.map((body) => (body.endsWith('\n') ? body : `${body}\n`)).join('');
    const rows = indexed(inMemory(once)).index.length;
    const many = indexed(inMemory(once.repeat(40)));
    equal(many.index.length, rows * 40);
    const records = Array.from({ length: many.index.length }, (_, row) => recordBytes(many, row).toString());
    equal(`${records.join('\n')}\n`, once.repeat(40));
    const needle = 'caracal.sessions.revoke';
    deepEqual(found(many, needle), records.flatMap((record, row) => (record.includes(needle) ? [row] : [])));
    const errors = records.flatMap((record, row) => (['error', 'fatal'].includes(String(readRecord(record).level)) ? [row] : []));
    deepEqual(found(many, 'level:error'), errors);
  });

  it('keeps a line that is longer than a part whole, and goes on after it', () => {
    const long = `{"level":"error","msg":"${'x'.repeat(10 << 20)}"}`;
    const hostile = indexed(inMemory(`${lines[0] ?? ''}\n${long}\n${lines[1] ?? ''}\n`));
    equal(hostile.index.length, 3);
    equal(recordBytes(hostile, 1).length, long.length);
    deepEqual(found(hostile, 'policy'), [2]);
  });
});

describe('bytes on disk', () => {
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'caracal-logs-'));
  });
  after(() => rmSync(folder, { recursive: true }));

  it('of a file are read as they are', () => {
    const path = join(folder, 'api.log');
    writeFileSync(path, text.repeat(20_000));
    const file = openLogFile(path);
    const log = indexed(file);
    equal(log.index.length, 100_000);
    equal(recordBytes(log, 99_999).toString(), lines[3]);
    equal([...search(log, { ...noFilter, texts: [{ text: 'claim', not: false }] })].flatMap(({ rows }) => rows).length, 20_000);
    file.close();
  });

  it('that come in are read back, wherever they lie, and nobody else can read them', () => {
    const path = join(folder, 'spill');
    const spill = openSpill(path);
    if (process.platform === 'win32') equal(statSync(path).isFile(), true);
    else deepEqual(readdirSync(folder).filter((name) => name === 'spill'), [], 'the name is gone at once');
    const parts = Array.from({ length: 3000 }, (_, index) => Buffer.from(`${String(index)}:${'y'.repeat(index)}\n`));
    const starts: number[] = [];
    for (const part of parts) {
      starts.push(spill.length);
      spill.append(part);
    }
    for (const [index, part] of parts.entries()) {
      const start = starts[index] ?? 0;
      equal(spill.read(start, start + part.length).equals(part), true, String(index));
    }
    equal(spill.read(0, spill.length).equals(Buffer.concat(parts)), true);
    spill.close();
    deepEqual(readdirSync(folder).filter((name) => name === 'spill'), []);
  });
});

describe('the text that a pattern needs', () => {
  for (const [pattern, text] of [
    [/zone-fro[a-z]+/, 'zone-fro'], [/a.*status=50\d/, 'status=50'], [/colou?r of it/, 'r of it'], [/ab+c/, 'ab'], [/x{0,3}yz/, 'yz'], [/"msg":"a\.b\/c"/, '"msg":"a.b/c"'],
    [/(?:maybe)?sure/, 'sure'], [/one|other/, undefined], [/Letters/i, undefined], [/(only in a group)/, undefined], [/\d+\s\w/, undefined], [/[abc]d/, undefined], [/((a)b)?cd(e)/, 'cd'], [/(?<!no)yes/, 'yes'],
  ] as const) {
    it(`of ${String(pattern)} is ${text ?? 'none'}`, () => equal(literalOf(pattern), text));
  }
});
