import { deepStrictEqual, strictEqual } from 'node:assert/strict';
import type { RemedyRun } from '../../src/model/remedy.ts';
import type { Report } from '../../src/model/report.ts';
import type { LocatedTarget } from '../../src/targets/located.ts';
import type { Engine, EngineModule } from '../../src/ui/engineSlot.ts';
import { FlowSession } from '../../src/ui/flowSession.ts';

const report: Report = {
  format: 'caracal-report/1', tool: { name: 'caracal-debugger', version: '0' }, target: { name: 'lab', kind: 'endpoints', address: '' },
  zone: null, startedAt: '2026-08-20T14:06:24.118Z', tookMs: 20, cancelled: false, verdicts: [], observations: [],
};

const module: Pick<EngineModule, 'runFlow' | 'checksOf' | 'causesOf'> = {
  checksOf: () => [],
  causesOf: () => ({ result: { causes: [], ruledOut: [], notCauses: [], unexplained: [], failures: { all: 0, explained: 0 }, next: null }, wants: [] }),
  runFlow: () => Promise.resolve(report),
};

const engine: Engine = {
  redactor: { text: (text: string) => text, json: <Value>(value: Value) => value } as Engine['redactor'],
  load: () => Promise.resolve(module as EngineModule),
};

const located = (id: string): LocatedTarget => ({ id, folder: '/', origin: 'target file', target: { kind: 'endpoints', name: id, services: {} } });

const started: RemedyRun = {
  remedy: 'start-container', cause: 'redis-stopped', asked: 'Docker Engine', calls: ['POST /containers/redis/start'], at: '2026-08-20T14:09:31.000Z', tookMs: 4, outcome: { kind: 'done', answer: '204' },
};

describe('What was done about a target', () => {
  it('stands in its report, in those of later runs, and in that of no other target', async () => {
    const session = new FlowSession(engine, { info: () => undefined, error: () => undefined });
    session.use(located('lab'));
    await session.run({});
    strictEqual(session.report?.remedies, undefined);
    session.addRemedy('lab', started);
    deepStrictEqual(session.report?.remedies, [started]);
    const refused: RemedyRun = { ...started, outcome: { kind: 'refused', code: '404', message: 'no such container' } };
    session.addRemedy('lab', refused);
    await session.run({});
    deepStrictEqual(session.report.remedies, [started, refused]);
    session.use(located('other'));
    await session.run({});
    strictEqual(session.report.remedies, undefined);
    session.use(located('lab'));
    await session.run({});
    deepStrictEqual(session.report.remedies, [started, refused]);
    session.dispose();
  });
});
