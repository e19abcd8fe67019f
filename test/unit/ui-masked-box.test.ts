import { deepStrictEqual, strictEqual } from 'node:assert/strict';
import { createRedactor } from '../../src/redaction/redactor.ts';
import { MaskedBox } from '../../src/ui/triage/maskedBox.ts';

describe('A box that keeps no secret', () => {
  const token = `eyJhbGciOiJFUzI1NiJ9.${'a'.repeat(40)}.${'b'.repeat(40)}`;
  const read: string[] = [];
  const box = (): MaskedBox<number> => new MaskedBox(createRedactor(), (text) => {
    read.push(text);
    return text.length;
  });

  it('leaves what is no secret as it is typed', () => {
    const one = box();
    strictEqual(one.take('401 invalid_token'), '401 invalid_token');
    strictEqual(one.told, 17);
  });

  it('masks a secret, and keeps what the text told when it had it', () => {
    const one = box();
    const shown = one.take(`401 Bearer ${token}`);
    strictEqual(/‹[a-z-]+:[0-9a-f]{16}›$/.test(shown), true, shown);
    const reads = read.length;
    strictEqual(one.take(shown), shown, 'the box tells of what was put there');
    deepStrictEqual([read.length, one.told], [reads, `401 Bearer ${token}`.length]);
  });

  it('reads what is typed after it anew, without the secret', () => {
    const one = box();
    const shown = one.take(token);
    strictEqual(one.take(`${shown} and more`), `${shown} and more`);
    strictEqual(read.at(-1), `${shown} and more`);
  });
});
