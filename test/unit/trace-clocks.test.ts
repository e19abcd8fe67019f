import { deepEqual, equal, rejects } from 'node:assert/strict';
import type { Deployment, HttpService, PostgresStore } from '../../src/targets/deployment.ts';
import { Refused } from '../../src/targets/failures.ts';
import { apartMs, measureClocks } from '../../src/trace/clocks.ts';

const signal = new AbortController().signal;

/** A deployment whose services and database have clocks that are ahead by so much; undefined: no answer. */
function ahead(database: number, services: Readonly<Record<string, number | undefined>>): [Deployment, PostgresStore] {
  const http = (name: string): Partial<HttpService> => ({
    get: ({ path }) => {
      const by = services[name];
      equal(path, '/health');
      if (by === undefined) return Promise.reject(new Refused('ECONNREFUSED', 'refused'));
      return Promise.resolve({ status: 200, headers: { date: new Date(Date.now() + by).toUTCString() }, body: '', truncated: false, certificate: null, tookMs: 1 });
    },
  });
  const postgres: Partial<PostgresStore> = { query: () => Promise.resolve([{ now: new Date(Date.now() + database).toISOString() }]) };
  return [{ http } as Deployment, postgres as PostgresStore];
}

describe('clocks of services', () => {
  it('are measured against that of the database, where they are far enough apart to be told', async () => {
    const measured = async (database: number, services: Readonly<Record<string, number | undefined>>): Promise<Readonly<Record<string, number>>> => {
      const apart = await measureClocks(...ahead(database, services), signal);
      return Object.fromEntries(Object.entries(apart).map(([name, by]) => [name, Math.round(by / 5_000) * 5]));
    };
    deepEqual(await measured(0, { sts: 0, gateway: 30_000, api: -60_000 }), { gateway: 30, api: -60 });
    deepEqual(await measured(30_000, { sts: 30_000, gateway: 30_000, api: 0 }), { api: -30 });
    deepEqual(await measured(0, { sts: 100, gateway: undefined, api: -100 }), {});
  });

  it('that are not asked for end with the reason of whoever stopped it', async () => {
    await rejects(measureClocks(...ahead(0, {}), AbortSignal.abort(new Error('stopped'))), /stopped/);
  });

  it('agree where the stretches in which they may be have something in common', () => {
    equal(apartMs({ least: -500, most: 1_500 }, { least: 1_400, most: 1_450 }), 0);
    equal(apartMs({ least: 9_000, most: 10_000 }, { least: -10, most: 10 }), 9_500);
    equal(apartMs({ least: -10_000, most: -9_000 }, { least: -10, most: 10 }), -9_500);
  });
});
