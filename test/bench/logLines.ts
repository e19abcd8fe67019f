/** Log lines of five services as Caracal writes them, the same at every run. */
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';

export const sources = ['sts', 'gateway', 'audit', 'api', 'coordinator'] as const;
const messages = ['request', 'proxied', 'exchange denied', 'lifecycle event', 'outbox event dispatched', 'policy loaded', 'audit batch written'] as const;
const start = Date.UTC(2026, 7, 20, 14);

/** The request of a line: three lines in a row are of one. */
export function requestId(line: number): string {
  return `${Math.floor(line / 3).toString(16).padStart(8, '0')}-2f0e-4a53-9d55-6a1f6df90ae7`;
}

/** About 250 bytes; every hundredth is an error, and one in ten thousand has a rare word. */
export function logLine(line: number, source: string, time: number): string {
  const rare = line % 10_000 === 7 ? ' zone-frozen' : '';
  return JSON.stringify({
    level: line % 100 === 0 ? 'error' : 'info', service: source, env: 'production', version: '1.0.0', time, request_id: requestId(line), span_id: (line * 2_654_435_761 % 2 ** 32).toString(16).padStart(16, '0'),
    msg: `${messages[line % messages.length] ?? ''}${rare}`, status: line % 100 === 0 ? 503 : 200, took_ms: line % 250, n: line,
  });
}

/** Writes so many lines into one file. */
export async function writeLog(path: string, lines: number): Promise<void> {
  const file = createWriteStream(path);
  for (let line = 0; line < lines; line += 1_000) {
    const part = Array.from({ length: Math.min(1_000, lines - line) }, (_, index) => logLine(line + index, sources[(line + index) % sources.length] ?? '', start + Math.floor((line + index) / 10)));
    if (!file.write(`${part.join('\n')}\n`)) await once(file, 'drain');
  }
  file.end();
  await once(file, 'close');
}
