import { deepEqual, throws } from 'node:assert/strict';
import { FilterProblem, isSource, noFilter, parseFilter, within } from '../../src/logs/filter.ts';
import type { LogFilter } from '../../src/logs/filter.ts';

const day = Date.UTC(2026, 7, 20, 9, 30);
const sources = ['sts', 'gateway', 'redis'];
const at = (...time: [number, number, number?, number?]): number => Date.UTC(2026, 7, 20, ...time);

const typed: readonly (readonly [string, Partial<LogFilter>])[] = [
  ['', {}],
  [' \t\n ', {}],
  ['-', { texts: [{ text: '-', not: false }] }],
  ['jti\treplay', { texts: [{ text: 'jti', not: false }, { text: 'replay', not: false }] }],
  ['jti', { texts: [{ text: 'jti', not: false }] }],
  ['jti  replay', { texts: [{ text: 'jti', not: false }, { text: 'replay', not: false }] }],
  ['"jti replay"', { texts: [{ text: 'jti replay', not: false }] }],
  ['"say \\"no\\""', { texts: [{ text: 'say "no"', not: false }] }],
  ['-/ready', { texts: [{ text: '/ready', not: true }] }],
  ['/ready', { texts: [{ text: '/ready', not: false }] }],
  ['/v1/zones', { texts: [{ text: '/v1/zones', not: false }] }],
  ['http://sts:8080/', { texts: [{ text: 'http://sts:8080/', not: false }] }],
  ['/status=5\\d\\d/', { patterns: [{ pattern: /status=5\d\d/, not: false }] }],
  ['-/time ?out/i', { patterns: [{ pattern: /time ?out/i, not: true }] }],
  ['/a b/ c', { patterns: [{ pattern: /a b/, not: false }], texts: [{ text: 'c', not: false }] }],
  ['level:warn', { level: 'warn' }],
  ['level:ERROR', { level: 'error' }],
  ['source:sts,gateway source:redis', { sources: ['sts', 'gateway', 'redis'] }],
  ['-source:redis', { notSources: ['redis'] }],
  ['id:…f90ae7', { id: '…f90ae7' }],
  ['id:"a b"', { id: 'a b' }],
  ['after:14:02', { after: at(14, 2) }],
  ['after:9:02:11.4 before:14:02:11', { after: at(9, 2, 11, 400), before: at(14, 2, 11) }],
  ['after:2026-08-19', { after: Date.UTC(2026, 7, 19) }],
  ['after:2026-08-19T14:02', { after: Date.UTC(2026, 7, 19, 14, 2) }],
  ['after:2026-08-19T14:02:00+02:00', { after: Date.UTC(2026, 7, 19, 12, 2) }],
  ['around:3', { around: 3 }],
  ['probes:shown', { probes: true }],
  ['jti level:warn -source:redis around:2', { texts: [{ text: 'jti', not: false }], level: 'warn', notSources: ['redis'], around: 2 }],
];

const refused: readonly (readonly [string, string])[] = [
  ['level:loud', 'There is no level loud. Levels are trace, debug, info, warn, error, fatal.'],
  ['-level:warn', 'A level cannot be left out: level:warn shows it and all that is worse.'],
  ['source:stss', 'There is no source stss. Sources are sts, gateway, redis.'],
  ['source:,', 'There is no source of no name. Sources are sts, gateway, redis.'],
  ['after:25:00', 'after: takes a time such as 14:02, 14:02:11.480 or 2026-08-20T14:02, in UTC, not 25:00.'],
  ['before:noon', 'before: takes a time such as 14:02, 14:02:11.480 or 2026-08-20T14:02, in UTC, not noon.'],
  ['after:2026-13-40', 'after: takes a time such as 14:02, 14:02:11.480 or 2026-08-20T14:02, in UTC, not 2026-13-40.'],
  ['around:many', 'around: takes a number of lines from 0 to 50, not many.'],
  ['around:51', 'around: takes a number of lines from 0 to 50, not 51.'],
  ['probes:hidden', 'probes: takes shown, not hidden. Without it lines of probes are hidden.'],
  ['-id:x', 'An id cannot be left out: use - with a text instead.'],
  ['/(/', '/(/ is no regular expression: Unterminated group.'],
];

describe('a log filter', () => {
  for (const [text, expected] of typed) it(`is read from: ${text}`, () => deepEqual(parseFilter(text, sources, day), { ...noFilter, ...expected }));
  for (const [text, message] of refused) it(`is refused in words: ${text}`, () => throws(() => parseFilter(text, sources, day), new FilterProblem(message)));

  it('stays within the sources that are shown', () => {
    const sourcesIn = (text: string, own: readonly string[]): readonly string[] => within(parseFilter(text, sources, day), own).sources;
    deepEqual(sourcesIn('', []), []);
    deepEqual(sourcesIn('jti', ['gateway']), ['gateway']);
    deepEqual(sourcesIn('source:sts,gateway', ['gateway', 'redis']), ['gateway']);
    throws(() => sourcesIn('source:sts', ['gateway', 'redis']), new FilterProblem('Only gateway and redis can be shown here. Open the log of all services for others.'));
  });
});

describe('a source', () => {
  it('is one of its own name, one of several, or whoever logs as it does', () => {
    const names = ['sts', 'sts/x7k2p', 'stsx', 'dbMigrate', 'auth-migrate', 'logged'];
    deepEqual(names.filter((source) => isSource(source, 'sts')), ['sts', 'sts/x7k2p']);
    deepEqual(names.filter((source) => isSource(source, 'migrator')), ['dbMigrate', 'auth-migrate']);
    deepEqual(names.filter((source) => isSource(source, 'logged')), ['logged']);
  });
});
