import { equal, match, ok } from 'node:assert/strict';
import { uuidv7 } from '../lab/stores/identifiers.ts';

describe('lab: uuidv7', () => {
  it('has version, variant and the moment in its first 48 bits', () => {
    const at = new Date('2026-11-22T09:30:33.845Z');
    const id = uuidv7(at);
    match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    // The recorded zone of that moment begins with the same digits.
    ok(id.startsWith('01a20297-d1f5-7'));
    equal(parseInt(id.replaceAll('-', '').slice(0, 12), 16), at.getTime());
  });

  it('differs for the same moment', () => {
    const at = new Date();
    ok(uuidv7(at) !== uuidv7(at));
  });
});
