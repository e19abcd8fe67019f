/**
 * Walks each row of the symptom table of Caracal's debugging guide on several causes, as a user does in VS Code:
 *
 *     npm run -s walks [-- --only FAULT]...
 *
 * Prints one table: symptom, fault, the cause that was named and after how many seconds. Progress goes to
 * stderr. Exit code 1 when another cause than expected was named, or none.
 */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import { parseArgs } from 'node:util';
import { walks } from '../test/workbench/symptomWalks.ts';
import type { Walk, Walked } from '../test/workbench/symptomWalks.ts';
import { buildExtension } from './build.ts';
import { Lab } from './lib/lab.ts';
import { artifactsFolder } from './lib/paths.ts';
import { step } from './lib/progress.ts';
import { runWorkbench } from './test/workbench.ts';

/** A walk takes some seconds, without a store up to half a minute. */
const deadlineSeconds = 3_000;

const { values } = parseArgs({ options: { only: { type: 'string', multiple: true } } });
const chosen = walks.filter(({ fault }) => values.only?.includes(fault) ?? true);

/** A lab for each fault, one ahead of the one that is asked for. */
class LabsInTurn {
  readonly #faults = [...new Set(chosen.map(({ fault }) => fault))];
  readonly #running = new Map<string, { readonly lab: Lab; readonly ready: Promise<string> }>();

  /** The target file of the lab with a fault; those before it end. */
  async of(fault: string): Promise<string> {
    const place = this.#faults.indexOf(fault);
    const { ready } = this.#start(fault);
    const [next] = this.#faults.slice(place + 1);
    const file = await ready;
    for (const before of this.#faults.slice(0, Math.max(place, 0))) await this.#end(before);
    // It starts while somebody walks here; what goes wrong is told to whoever asks for it.
    if (next !== undefined) this.#start(next).ready.catch(() => undefined);
    return file;
  }

  async end(): Promise<void> {
    await Promise.all([...this.#running.keys()].map((fault) => this.#end(fault)));
  }

  #start(fault: string): { readonly lab: Lab; readonly ready: Promise<string> } {
    const running = this.#running.get(fault);
    if (running !== undefined) return running;
    const lab = new Lab({ faults: [fault] });
    const started = { lab, ready: lab.ready() };
    this.#running.set(fault, started);
    return started;
  }

  async #end(fault: string): Promise<void> {
    const running = this.#running.get(fault);
    this.#running.delete(fault);
    await running?.lab.end();
  }
}

const labs = new LabsInTurn();
const walked: Walked[] = [];

async function answer(request: IncomingMessage): Promise<string> {
  if (request.method !== 'POST') return labs.of((request.url ?? '').slice(1));
  walked.push((await json(request)) as Walked);
  return '';
}

const server = createServer((request, response) => {
  answer(request).then((text) => response.end(text), (error: unknown) => response.writeHead(500).end(String(error)));
});
server.listen(0, '127.0.0.1');
await once(server, 'listening');
const { port } = server.address() as AddressInfo;

async function run(): Promise<number> {
  await step('Build the extension', () => buildExtension());
  return runWorkbench({
    resultsFile: join(artifactsFolder, 'results', 'walks.json'), targets: {}, kind: 'walks',
    grep: values.only === undefined ? undefined : `fault is (?:${values.only.join('|')})$`,
    environment: { CARACAL_WALKS: `http://127.0.0.1:${port}` },
  });
}

function row(walk: Walk): string {
  const found = walked.find(({ symptom, fault }) => symptom === walk.symptom && fault === walk.fault);
  const took = found?.tookMs === null || found === undefined ? '' : `${(found.tookMs / 1_000).toFixed(1)} s`;
  return `${found?.isRight === true ? 'right' : 'WRONG'}  ${walk.symptom.padEnd(16)} ${walk.fault.padEnd(28)} ${took.padStart(7)}  ${found?.named.join(', then ') || 'no cause named'}`;
}

process.env['CARACAL_TEST_DEADLINE_S'] ??= String(deadlineSeconds);
let code = 1;
try {
  code = await run();
} finally {
  server.closeAllConnections();
  server.close();
  await labs.end();
}
const right = chosen.filter((walk) => walked.some(({ symptom, fault, isRight }) => isRight && symptom === walk.symptom && fault === walk.fault)).length;
process.stdout.write(`${chosen.map(row).join('\n')}\n\n${right} of ${chosen.length} walks led to the cause\n`);
process.exit(code === 0 && right === chosen.length ? 0 : 1);
