import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { logMessages } from '../../src/caracal/logMessages.ts';
import { logSources } from '../../src/caracal/logSources.ts';
import type { LogSource } from '../../src/caracal/logSources.ts';
import { knownMessage, sourceOf } from '../../src/logs/known.ts';
import { readRecord } from '../../src/logs/record.ts';

const time = Date.UTC(2026, 7, 20, 10);
const base = { hostname: 'h-0', pid: 7, version: 'v1.0.0', env: 'production' };
const json = (service: string, at: unknown) => (msg: string) => JSON.stringify({ level: 'warn', service, ...base, time: at, msg });
const iso = new Date(time).toISOString();

/** A line of each source as its logger writes it. */
const lines: Readonly<Record<LogSource, (message: string) => string>> = {
  sts: json('sts', time), gateway: json('gateway', time), audit: json('audit', time),
  api: json('api', iso), coordinator: json('coordinator', iso), web: json('caracal-auth', iso),
  migrator: (message) => message,
  redis: (message) => message,
  postgres: (message) => `2026-08-20 10:00:00.000 UTC [71] FATAL:  ${message}`,
};
/** What Node, its clients and the entry points write past every logger. */
const plain = /^(?:\[ioredis\]|\(node:|caracal: |Error: |\{…\}: idle)/;

describe('known messages', () => {
  for (const source of logSources) {
    describe(`of ${source}`, () => {
      for (const [text, meaning] of Object.entries(logMessages[source])) {
        it(text, () => {
          const message = text.replace(/…$/, 'the rest').replaceAll('{…}', 'something');
          const record = readRecord(plain.test(text) ? message : lines[source](message));
          equal(record.message, message);
          deepEqual(knownMessage(record, source), { id: `${source}: ${text}`, source, meaning });
          match(meaning, /^[A-Z/].*\.$/, 'a sentence');
        });
      }
    });
  }

  it('stand for themselves alone, unless they say otherwise', () => {
    const known = (message: string, source: LogSource): string | undefined => knownMessage(readRecord(lines[source](message)), source)?.id;
    equal(known('proxied', 'gateway'), 'gateway: proxied');
    equal(known('proxied too', 'gateway'), undefined);
    equal(known('proxied', 'sts'), undefined);
    equal(known('xack failed', 'audit'), 'audit: xack failed');
  });

  it('are those of the process that logged them, under each name that it gives itself', () => {
    const named = (service: string): LogSource | undefined => sourceOf(readRecord(json(service, time)('m')), 'redis');
    deepEqual(['caracal.sts.http', 'api-bootstrap', 'api-system-zone', 'control', 'coordinator-bootstrap', 'caracal-auth', 'other'].map(named), [
      'sts', 'api', 'api', 'api', 'coordinator', 'web', 'redis',
    ]);
    equal(sourceOf(readRecord('text')), undefined);
  });

  it('cover all warnings and errors that services logged in the recordings', () => {
    const fixtures = new URL('../fixtures/logs/', import.meta.url);
    const unknown = new Set<string>();
    let seen = 0;
    for (const file of readdirSync(fixtures).filter((name) => /^(?:api|coordinator)\./.test(name))) {
      const of = file.startsWith('api') ? 'api' : 'coordinator';
      for (const line of readFileSync(new URL(file, fixtures), 'utf8').split('\n').filter((one) => /^\S/.test(one) && !one.startsWith('(Use ') && !one.startsWith('file:'))) {
        const record = readRecord(line);
        if (record.level !== 'warn' && record.level !== 'error') continue;
        seen += 1;
        if (knownMessage(record, of) === undefined) unknown.add(record.message);
      }
    }
    ok(seen > 50, String(seen));
    deepEqual([...unknown].sort(), []);
  });
});
