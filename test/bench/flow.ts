/**
 * Times of the flow on labs in their states: `npm run -s bench -- flow --json` prints
 * `[{name, unit, runs, p50, p95, max}]`. Nothing here is asserted; tests assert behaviour.
 */
import { startLab } from '../lab/lab.ts';
import type { Lab } from '../lab/lab.ts';
import { runFlowOn } from '../lab/runFlow.ts';

interface Timing {
  readonly name: string;
  readonly unit: 'ms';
  readonly runs: number;
  readonly p50: number;
  readonly p95: number;
  readonly max: number;
}

function timing(name: string, samples: readonly number[]): Timing {
  const sorted = [...samples].sort((left, right) => left - right);
  const at = (part: number): number => Math.round(sorted[Math.min(sorted.length - 1, Math.ceil(part * sorted.length) - 1)] ?? NaN);
  return { name, unit: 'ms', runs: sorted.length, p50: at(0.5), p95: at(0.95), max: at(1) };
}

async function wholeFlows(name: string, lab: Lab, runs: number): Promise<Timing> {
  const samples: number[] = [];
  for (let run = 0; run < runs; run += 1) samples.push((await runFlowOn(lab.targetFile)).tookMs);
  return timing(name, samples);
}

/** From the abort to the end of the run, once the first answers are there. */
async function stops(name: string, lab: Lab, runs: number): Promise<Timing> {
  const samples: number[] = [];
  for (let run = 0; run < runs; run += 1) {
    const stop = new AbortController();
    let stoppedMs = 0;
    let answers = 0;
    await runFlowOn(lab.targetFile, {
      signal: stop.signal,
      onVerdict: () => {
        answers += 1;
        if (answers !== 5) return;
        stoppedMs = performance.now();
        stop.abort();
      },
    });
    samples.push(performance.now() - stoppedMs);
  }
  return timing(name, samples);
}

const lab = await startLab({});
const timings: Timing[] = [];
try {
  timings.push(await wholeFlows('healthy', lab, 20));
  await lab.redis.freeze();
  timings.push(await wholeFlows('Redis frozen', lab, 3));
  await lab.postgres.freeze();
  timings.push(await wholeFlows('Redis and Postgres frozen', lab, 3));
  timings.push(await stops('stop, both frozen', lab, 20));
  for (const service of ['api', 'sts', 'gateway', 'audit', 'coordinator', 'web'] as const) await lab.blackhole(service);
  timings.push(await wholeFlows('stores frozen, services blackholed', lab, 3));
  timings.push(await stops('stop, services blackholed', lab, 20));
} finally {
  await lab.close();
}
process.stdout.write(process.argv.includes('--json') ? `${JSON.stringify(timings)}\n` : `${timings.map((row) => `${row.name.padEnd(36)} p50 ${row.p50} ms, p95 ${row.p95} ms, max ${row.max} ms (${row.runs} runs)`).join('\n')}\n`);
