import { open } from 'node:fs/promises';

const pollMs = 150;

/**
 * Gives every line of a growing file, those that are there first.
 *
 * @returns ends it
 */
export function tailFile(path: string, line: (text: string, time: Date) => void): () => void {
  let position = 0;
  let rest = Buffer.alloc(0);
  let time = new Date();
  let reading = false;
  const read = async (): Promise<void> => {
    const file = await open(path);
    try {
      for (;;) {
        const { bytesRead, buffer } = await file.read(Buffer.alloc(64 * 1024), 0, 64 * 1024, position);
        if (bytesRead === 0) return;
        position += bytesRead;
        rest = Buffer.concat([rest, buffer.subarray(0, bytesRead)]);
        for (let end = rest.indexOf(10); end >= 0; end = rest.indexOf(10)) {
          const text = rest.subarray(0, end).toString();
          rest = rest.subarray(end + 1);
          time = timeOf(text) ?? time;
          line(text, time);
        }
      }
    } finally {
      await file.close();
    }
  };
  const poll = (): void => {
    if (reading) return;
    reading = true;
    read().catch(() => undefined).finally(() => { // the file may not be there yet
      reading = false;
    });
  };
  poll();
  const timer = setInterval(poll, pollMs);
  return () => {
    clearInterval(timer);
  };
}

/** When the service wrote the line: Go services say it in Unix milliseconds, Node services in ISO 8601 (contract, deploy 3.1). */
function timeOf(text: string): Date | undefined {
  const [, ms, iso] = /"time":(?:(\d{13})|"([^"]+)")/.exec(text) ?? [];
  const time = ms !== undefined ? Number(ms) : Date.parse(iso ?? '');
  return Number.isNaN(time) ? undefined : new Date(time);
}
