import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { outdatedPages } from '../../scripts/checkPages.ts';
import { root } from '../../scripts/lib/paths.ts';
import { checks } from '../../src/flow/catalogue.ts';
import { stepTitles } from '../../src/model/step.ts';

const folder = join(root, 'docs', 'checks');
const sections = ['What it means', 'How it is observed', 'Privilege', 'False alarms', 'What to do', 'Source in Caracal'];

/** Sections of a page by their titles, in their order. */
function sectionsOf(text: string): ReadonlyMap<string, string> {
  return new Map(
    text
      .split(/^## /m)
      .slice(1)
      .map((part) => {
        const [title = '', ...rest] = part.split('\n');
        return [title, rest.join('\n').trim()];
      }),
  );
}

describe('pages of checks', () => {
  it('are there for every check and for nothing else', async () => {
    const pages = (await readdir(folder)).filter((name) => name !== 'README.md').sort();
    assert.deepEqual(pages, checks.map(({ id }) => `${id}.md`).sort());
  });

  it('stand in a current index', async () => {
    assert.deepEqual(await outdatedPages(), [], 'Run: node scripts/checkPages.ts');
  });

  for (const { id, title, step, component, privilege, source } of checks) {
    it(`${id} says what it means, how it is observed, when it is wrong and what to do`, async () => {
      const text = await readFile(join(folder, `${id}.md`), 'utf8');
      assert.ok(text.startsWith(`# ${id} ${title}\n\n${stepTitles[step]} › ${component}\n`), `the page begins with "# ${id} ${title}" and "${stepTitles[step]} › ${component}"`);
      const found = sectionsOf(text);
      assert.deepEqual([...found.keys()], sections);
      for (const [section, body] of found) assert.ok(body.length > 3, `${section} is empty`);
      assert.ok(found.get('Privilege')?.includes(privilege), `Privilege names "${privilege}"`);
      assert.ok(found.get('Source in Caracal')?.includes(source), `Source names "${source}"`);
    });
  }
});
