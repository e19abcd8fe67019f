import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { readRecord } from '../../src/logs/record.ts';
import { partsOf, styledParts } from '../../src/ui/logs/logParts.ts';
import { foldsOf, idsOf, requestsOf } from '../../src/ui/logs/logShape.ts';
import { followText, groupText, levelText, likeFilter, recordMarkdown, sourcesOf, withPart } from '../../src/ui/logs/logWords.ts';

const line = '14:04:11.480  gateway     info   denied: jti replay  status=401 request_id=c2f4…08ab';

describe('a line of a log', () => {
  const pieces = (text: string, isFirst = true): readonly string[] => partsOf(text, isFirst).map(({ kind, start, end }) => `${kind} ${text.slice(start, end)}`);

  it('has parts', () => {
    deepEqual(pieces(line), ['time 14:04:11.480', 'gateway gateway', 'key status=', 'key request_id=', 'warn 401']);
    deepEqual(pieces('14:04:11.480  sts/x7k2p   error  failed  status=503'), ['time 14:04:11.480', 'sts sts/x7k2p', 'error error', 'key status=', 'error 503']);
    deepEqual(pieces('              redis              Ready to accept connections'), ['time             ']);
    deepEqual(pieces('    at Object.run status=500', false), []);
    deepEqual(pieces('──── sts: restarted, the log goes on ────'), ['mark ──── sts: restarted, the log goes on ────']);
  });

  it('has the colours that a program gave it', () => {
    deepEqual(styledParts([{ start: 0, end: 3, codes: [31] }, { start: 3, end: 5, codes: [1, 96] }, { start: 5, end: 9, codes: [38, 41, 7] }]), [
      { kind: 'ansiRed', start: 0, end: 3 }, { kind: 'bold', start: 3, end: 5 }, { kind: 'ansiBrightCyan', start: 3, end: 5 },
    ]);
  });

  it('names ids, and tells which is that of its request', () => {
    deepEqual(idsOf(`${line} session_id=aaaa…bbbb`).map(({ id, isRequest }) => [id, isRequest]), [['c2f4…08ab', true], ['aaaa…bbbb', false]]);
    deepEqual(idsOf('{"request_id":"0f0e0d0c-0000-4000-8000-00000000f00d","n":1}').map(({ id, isRequest }) => [id, isRequest]), [['0f0e0d0c-0000-4000-8000-00000000f00d', true]]);
    const [found] = idsOf(line);
    equal(line.slice(found?.start, found?.end), 'c2f4…08ab');
  });

  it('belongs to a request', () => {
    deepEqual(requestsOf([line, 'other', line]), [{ id: 'c2f4…08ab', from: 0, to: 2, lines: 2 }]);
  });
});

describe('lines that can be folded', () => {
  const alike = Array.from({ length: 5 }, (_, index) => `14:04:11.48${index}  gateway     warn   claim pending  n=${index} id=c2f4…08a${index}`);

  it('are stacks, and runs of lines that differ in numbers and ids only', () => {
    const lines = ['14:04:11.479  api  error  boom', '    at one', '    at two', ...alike, '14:04:12.000  api  info  listening'];
    deepEqual(foldsOf({ head: '', from: 0, until: 7, lines, rows: [0, 0, 0, 1, 2, 3, 4, 5, 6], isTailed: false, looks: [], isCut: false }), [{ from: 0, to: 2 }, { from: 3, to: 7 }]);
  });

  it('are alike up to the end', () => {
    deepEqual(foldsOf({ head: '', from: 0, until: 5, lines: alike, rows: [0, 1, 2, 3, 4], isTailed: false, looks: [], isCut: false }), [{ from: 0, to: 4 }]);
  });
});

describe('words about a log', () => {
  it('say whether it is followed', () => {
    deepEqual([followText(true, 5), followText(false, 0), followText(false, 1_214)], ['Following', 'Paused', 'Paused, 1,214 new']);
  });

  it('change one part of a filter and leave the rest', () => {
    equal(withPart('level:warn "jti replay"', 'level', 'error'), '"jti replay" level:error');
    equal(withPart('level:warn replay', 'level', ''), 'replay');
    equal(withPart('', 'source', 'sts,api'), 'source:sts,api');
    deepEqual(sourcesOf('replay source:sts,api'), ['sts', 'api']);
    deepEqual(['level:info x', 'x'].map(levelText), ['Info and up', 'All levels']);
  });

  it('find what is alike', () => {
    const pattern = likeFilter('row 12 of stream "x" (id 0f0e0d0c-0000-4000-8000-00000000f00d) failed');
    const expression = new RegExp(pattern.slice(1, -1));
    ok(expression.test(JSON.stringify({ msg: 'row 777 of stream "x" (id 1111aaaa-0000-4000-8000-00000000beef) failed' })), pattern);
    ok(!expression.test(JSON.stringify({ msg: 'row 777 of stream "y" (id 1) failed' })), pattern);
  });

  it('say what an error group is', () => {
    const group = { title: 'cannot read a stream: ECONNREFUSED\nmore', count: 741, first: 1, last: 9, sources: ['sts', 'gateway', 'audit'], known: undefined };
    equal(groupText(group), '3 sources, 741 times alike: cannot read a stream: ECONNREFUSED');
    equal(groupText({ ...group, count: 1, sources: ['sts'], known: { id: 'x', source: 'sts', meaning: 'Redis did not answer.' } }), 'once: Redis did not answer.');
  });

  it('say everything of a record, and nothing of it is Markdown of its own', () => {
    const raw = '{"level":"error","service":"sts","time":1787234591480,"request_id":"r-1","msg":"[click](command:evil) <b>","pid":7,"error":"a|b","status":401}';
    const text = recordMarkdown({ row: 1, source: 'sts', time: 1787234591480, record: readRecord(raw), raw, message: undefined, meaning: 'It means this.', note: 'not a cause', mark: undefined });
    match(text, /^\*\*It means this\\\.\*\*\n\n\*not a cause\*\n/);
    for (const part of ['| source | sts |', '| status | 401 |', '| error message | a\\|b |', '| pid | 7 |']) ok(text.includes(part), text);
    ok(!text.includes('[click]') && !text.includes('<b>'), text);
  });
});
