/**
 * Times of the flow on labs in their states, and the cost of each statement and command that a healthy
 * flow sends, as the stores measured it: `npm run -s bench -- --json` prints
 * `[{name, unit, runs, p50, p95, max}]`. Nothing here is asserted; tests assert behaviour.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startLab } from '../lab/lab.ts';
import type { Lab } from '../lab/lab.ts';
import { record } from '../lab/recorder.ts';
import { runFlowOn } from '../lab/runFlow.ts';
import { blackhole } from '../lab/stores/blackhole.ts';
import { freePort } from '../lab/stores/ports.ts';

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
  const at = (part: number): number => rounded(sorted[Math.min(sorted.length - 1, Math.ceil(part * sorted.length) - 1)] ?? NaN);
  return { name, unit: 'ms', runs: sorted.length, p50: at(0.5), p95: at(0.95), max: at(1) };
}

/** Whole milliseconds, and microseconds where there is less than one. */
function rounded(ms: number): number {
  return ms < 1 ? Number(ms.toFixed(3)) : Math.round(ms);
}

/** The server's own time for each statement and command of one healthy flow; equal ones are summed up. */
async function costs(lab: Lab): Promise<Timing[]> {
  const { statements, commands } = await record(lab, runFlowOn);
  const sent = [...statements.map(({ text, tookMs }) => ({ text: `Postgres: ${text}`, tookMs })), ...commands.map(({ text, tookMs }) => ({ text: `Redis: ${text}`, tookMs }))];
  return [
    timing(`all ${sent.length} statements and commands of a healthy flow`, sent.map(({ tookMs }) => tookMs)),
    ...[...Map.groupBy(sent, ({ text }) => text.slice(0, 110))].map(([text, equal]) => timing(text, equal.map(({ tookMs }) => tookMs))),
  ];
}

async function wholeFlows(name: string, targetFile: string, runs: number): Promise<Timing> {
  const samples: number[] = [];
  for (let run = 0; run < runs; run += 1) samples.push((await runFlowOn(targetFile)).tookMs);
  return timing(name, samples);
}

/** From the abort to the end of the run, once so many answers are there (0: half a second into the run). */
async function stops(name: string, targetFile: string, answersBefore: number, runs: number): Promise<Timing> {
  const samples: number[] = [];
  for (let run = 0; run < runs; run += 1) {
    const stop = new AbortController();
    let stoppedMs = 0;
    let answers = 0;
    const abort = (): void => {
      stoppedMs = performance.now();
      stop.abort();
    };
    if (answersBefore === 0) setTimeout(abort, 500);
    await runFlowOn(targetFile, {
      signal: stop.signal,
      onVerdict: () => {
        answers += 1;
        if (answers === answersBefore) abort();
      },
    });
    samples.push(performance.now() - stoppedMs);
  }
  return timing(name, samples);
}

/** A target whose every address swallows packets. */
async function blackholedTarget(lab: Lab, port: number): Promise<string> {
  const target = JSON.parse(await readFile(lab.targetFile, 'utf8')) as { services: Record<string, string> };
  const address = `127.0.0.1:${port}`;
  const file = join(lab.directory, 'blackholed.json');
  const services = Object.fromEntries(Object.keys(target.services).map((name) => [name, `http://${address}`]));
  await writeFile(file, JSON.stringify({ ...target, services, postgres: `postgresql://u:nothing@${address}/caracal`, redis: `redis://:nothing@${address}` }));
  return file;
}

const lab = await startLab({});
const hole = await blackhole(await freePort());
const timings: Timing[] = [];
try {
  timings.push(await wholeFlows('healthy', lab.targetFile, 20));
  timings.push(...(await costs(lab)));
  const blackholed = await blackholedTarget(lab, hole.port);
  timings.push(await wholeFlows('everything blackholed', blackholed, 3));
  timings.push(await stops('stop, everything blackholed', blackholed, 0, 20));
  await lab.redis.freeze();
  timings.push(await wholeFlows('Redis frozen', lab.targetFile, 3));
  await lab.postgres.freeze();
  timings.push(await wholeFlows('Redis and Postgres frozen', lab.targetFile, 3));
  timings.push(await stops('stop, both frozen', lab.targetFile, 5, 20));
  for (const service of Object.values(lab.services)) await service.freeze();
  timings.push(await wholeFlows('everything frozen', lab.targetFile, 3));
  timings.push(await stops('stop, everything frozen', lab.targetFile, 0, 20));
} finally {
  await hole.close();
  await lab.close();
}
const rows = timings.map(({ name, p50, p95, max, runs }) => `${name.padEnd(30)} p50 ${p50} ms, p95 ${p95} ms, max ${max} ms (${runs} runs)`);
process.stdout.write(process.argv.includes('--json') ? `${JSON.stringify(timings)}\n` : `${rows.join('\n')}\n`);
