import { deepEqual, throws } from 'node:assert/strict';
import type { StampedLine } from '../../src/targets/logs.ts';
import { framedLines, plainLines } from '../../src/targets/stampedLines.ts';
import type { LineDecoder } from '../../src/targets/stampedLines.ts';

const stamp = '2026-08-20T10:00:00.123456789Z';

function frame(stream: number, text: string): Buffer {
  const head = Buffer.alloc(8);
  head[0] = stream;
  head.writeUInt32BE(Buffer.byteLength(text), 4);
  return Buffer.concat([head, Buffer.from(text)]);
}

function words(lines: readonly StampedLine[]): readonly string[] {
  return lines.map(({ stamp: at, stream, bytes }) => `${at} ${stream ?? '-'} ${bytes.toString()}`);
}

/** However the bytes are cut, the lines are the same. */
function inEveryCut(decoder: () => LineDecoder, bytes: Buffer): readonly string[] {
  const whole = words(decoder()(bytes));
  for (let cut = 0; cut <= bytes.length; cut += 1) {
    const decode = decoder();
    deepEqual(words([...decode(bytes.subarray(0, cut)), ...decode(bytes.subarray(cut))]), whole, `cut at ${cut}`);
  }
  return whole;
}

describe('lines of a log as the Docker Engine frames them', () => {
  it('come with their stamp and their stream, in whatever pieces', () => {
    deepEqual(inEveryCut(framedLines, Buffer.concat([frame(1, `${stamp} one\n`), frame(2, `${stamp} \n`), frame(1, `${stamp} drei ✓\r\n`)])), [
      `${stamp} stdout one`, `${stamp} stderr `, `${stamp} stdout drei ✓`,
    ]);
  });

  it('are put together from parts, each of which has a stamp, while the other stream goes on', () => {
    const later = stamp.replace('123', '999');
    deepEqual(words(framedLines()(Buffer.concat([frame(1, `${stamp} aa`), frame(2, `${stamp} err\n`), frame(1, `${later} bb`), frame(1, `${later} cc\n`)]))), [
      `${stamp} stderr err`, `${stamp} stdout aabbcc`,
    ]);
  });

  it('are refused when what comes is not framed', () => {
    throws(() => framedLines()(Buffer.from('<html><body>Bad gateway</body></html>')), /does not answer as a Docker Engine/);
  });
});

describe('lines of a log that is not framed', () => {
  it('come with their stamp, in whatever pieces', () => {
    deepEqual(inEveryCut(plainLines, Buffer.from(`${stamp} one\n2026-08-20T10:00:00Z two words\r\n${stamp} \n${stamp} cut o`)), [
      `${stamp} - one`, '2026-08-20T10:00:00Z - two words', `${stamp} - `,
    ]);
  });
});
