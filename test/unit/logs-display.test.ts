import { deepEqual, equal, ok } from 'node:assert/strict';
import { shownLines } from '../../src/logs/display.ts';
import { harmless } from '../../src/logs/harmless.ts';
import { readRecord } from '../../src/logs/record.ts';

const time = Date.UTC(2026, 7, 20, 14, 4, 11, 480);
const shown = (line: string, source = 'gateway'): readonly string[] => shownLines(readRecord(line), source, time).map(({ text }) => text);

describe('a shown log line', () => {
  const id = 'c2f41111-2222-4333-8444-5555666608ab';
  const denied = JSON.stringify({
    level: 'info', service: 'gateway', hostname: 'gw-0', pid: 7, version: 'dev', env: 'production', request_id: id, status: 401, path: '/a b', ok: true, req: { url: '/x' }, time, msg: 'denied: jti replay',
  });

  it('has time, source, level, message and fields, and nothing that is the same on every line', () => {
    deepEqual(shown(denied), ['14:04:11.480  gateway     info   denied: jti replay  request_id=c2f4…08ab status=401 path="/a b" ok=true req={"url":"/x"}']);
  });

  it('keeps colours of a message where it stands', () => {
    const [line] = shownLines(readRecord(JSON.stringify({ level: 'info', service: 'gateway', time, msg: 'a \u001b[31mred\u001b[0m one' })), 'gateway', time);
    ok(line !== undefined);
    deepEqual(line.styles.map(({ start, end, codes }) => [line.text.slice(start, end), codes]), [['red', [31]]]);
  });

  it('shows an error with its code, in the columns that all lines have', () => {
    const line = JSON.stringify({ level: 'warn', time: '2026-08-20T14:04:11.480Z', service: 'api', reqId: '6c1d', err: { type: 'Error', message: 'connect ECONNREFUSED 10.0.0.5:5432', code: 'ECONNREFUSED', stack: 'S' }, msg: 'ready_postgres_unreachable' });
    deepEqual(shown(line, 'api'), ['14:04:11.480  api         warn   ready_postgres_unreachable  reqId=6c1d error="ECONNREFUSED: connect ECONNREFUSED 10.0.0.5:5432"']);
  });

  it('leaves the level empty and later lines as they are where no logger wrote them', () => {
    deepEqual(shown('applying 0001\n    at A\n', 'dbMigrate'), ['14:04:11.480  dbMigrate          applying 0001', '    at A', '']);
    deepEqual(shownLines(readRecord('x'), 'coordinator', NaN).map(({ text }) => text), ['              coordinator        x']);
  });

  it('of ten megabytes is cut, and says so', () => {
    const [text = ''] = shown('x'.repeat(10_000_000));
    ok(text.length < 17_000);
    ok(text.endsWith('… 9,983,649 characters more'), text.slice(-40));
  });
});

describe('a character of two halves', () => {
  const smiles = '🙂'.repeat(10_000);

  it('is not cut in two where a line or a value is too long', () => {
    for (const before of ['', 'a']) {
      const [line = '', value = ''] = [shown(`${before}${smiles}`)[0], shown(JSON.stringify({ level: 'info', service: 'gateway', time, msg: 'm', path: `${before}${smiles}` }))[0]];
      ok(line.isWellFormed() && value.isWellFormed(), `${line.slice(-40)} ${value.slice(-40)}`);
    }
  });
});

describe('a hostile line', () => {
  const escape = '\u001b';
  const table: readonly (readonly [what: string, line: string, text: string])[] = [
    ['colours', `${escape}[31mred${escape}[0m and ${escape}[1;32mgreen${escape}[m`, 'red and green'],
    ['a title for the terminal', `${escape}]0;owned\u0007text`, 'text'],
    ['a link', `${escape}]8;;http://evil${escape}\\text${escape}]8;;${escape}\\`, 'text'],
    ['a clear screen', `${escape}[2J${escape}[Htext`, 'text'],
    ['a device string without an end', `a${escape}Pq#0;2`, 'a'],
    ['an escape alone', `a${escape}`, 'a␛'],
    ['a return that would hide what is before', 'denied\rallowed', 'denied␍allowed'],
    ['NUL and DEL', 'a\u0000b\u007fc', 'a␀b␡c'],
    ['a control of eight bits', 'a\u009b31mb', 'a‹U+009B›31mb'],
    ['text that runs backwards', 'user\u202etxt.exe', 'user‹U+202E›txt.exe'],
    ['isolates', 'a\u2066b\u2069', 'a‹U+2066›b‹U+2069›'],
    ['letters of no width', 'a\u200bb\ufeff', 'a‹U+200B›b‹U+FEFF›'],
    ['ends of lines that only editors know', 'a\u2028b\u2029c\u0085d', 'a‹U+2028›b‹U+2029›c‹U+0085›d'],
    ['half of a character', 'a\ud83d, b\udc00', 'a‹U+D83D›, b‹U+DC00›'],
    ['a tabulator, which is harmless', 'a\tb', 'a\tb'],
    ['letters of any script', 'naïve 日本 🙂', 'naïve 日本 🙂'],
    ['bytes that are no text', Buffer.from([0x61, 0xff, 0xfe, 0x62]).toString(), 'a\ufffd\ufffdb'],
  ];
  for (const [what, line, text] of table) it(`with ${what} is shown harmlessly`, () => equal(harmless(line).text, text));

  it('keeps its colours beside the text', () => {
    deepEqual(harmless(`a${escape}[31mred${escape}[1mbold${escape}[0;32mgreen${escape}[mb`).styles, [
      { start: 1, end: 4, codes: [31] }, { start: 4, end: 8, codes: [31, 1] }, { start: 8, end: 13, codes: [32] },
    ]);
  });

  it('cannot pass for a line of another service, or for two', () => {
    const fake = JSON.stringify({ level: 'info', service: 'gateway', time, msg: 'x\n14:04:11.480  sts         error  forged', user: 'a\nb' });
    const lines = shown(fake);
    equal(lines.length, 1);
    equal(lines[0], '14:04:11.480  gateway     info   x␊14:04:11.480  sts         error  forged  user="a\\nb"');
  });
});
