/**
 * The index of the documentation of checks, from the catalogue:
 *
 *     node scripts/checkPages.ts [--check]     --check writes nothing and fails when the index is not current
 */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { checks } from '../src/flow/catalogue.ts';
import { stepTitles, steps } from '../src/model/step.ts';
import { root } from './lib/paths.ts';
import { say } from './lib/progress.ts';

const path = 'docs/checks/README.md';

/** Every check by step and component, each with a link to its page. */
export function checkIndex(): string {
  const lines = ['# Checks', '', `The ${checks.length} checks of the flow, in its order. Each has a page of its own; "Explain Check" in the tree opens it.`, '', 'A check that fails or warns also tells, as facts, which known messages of the logs speak for it, where the logs can be read. They never decide.'];
  for (const step of steps) {
    lines.push('', `## ${stepTitles[step]}`, '', '| check | component | what | privilege |', '| --- | --- | --- | --- |');
    for (const { id, component, title, privilege } of checks.filter((check) => check.step === step)) {
      lines.push(`| [${id}](${id}.md) | ${component} | ${title} | ${privilege.replaceAll('|', '\\|')} |`);
    }
  }
  return `${lines.join('\n')}\n`;
}

/** Whether the index in the repository is the one that the catalogue makes. */
export async function indexIsCurrent(): Promise<boolean> {
  return (await readFile(join(root, path), 'utf8').catch(() => '')) === checkIndex();
}

if (import.meta.main) {
  if (process.argv.includes('--check')) {
    if (!(await indexIsCurrent())) {
      say(`${path} is not current. Run: node scripts/checkPages.ts`);
      process.exitCode = 1;
    }
  } else {
    await writeFile(join(root, path), checkIndex());
    say(`wrote ${path}`);
  }
}
