/**
 * The index of the documentation of checks, and the page of causes, from their definitions:
 *
 *     node scripts/checkPages.ts [--check]     --check writes nothing and fails when one of them is not current
 */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { conditions } from '../src/diagnosis/conditions.ts';
import { families, isCause } from '../src/diagnosis/definition.ts';
import type { CauseDefinition, Family, Pattern } from '../src/diagnosis/definition.ts';
import { weights } from '../src/diagnosis/weights.ts';
import { checks } from '../src/flow/catalogue.ts';
import { stepTitles, steps } from '../src/model/step.ts';
import { root } from './lib/paths.ts';
import { say } from './lib/progress.ts';

const familyTitles: Readonly<Record<Family, string>> = {
  redis: 'Redis', postgres: 'Postgres', services: 'Services', streams: 'Streams', outboxes: 'Outboxes', policy: 'Policy and keys', evidence: 'Evidence', ledger: 'Ledger and admin audit',
  jobs: 'Jobs', tokens: 'Admin token', providers: 'Providers and applications', compose: 'Docker Compose', kubernetes: 'Kubernetes',
};

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

function seenText(pattern: Pattern): string {
  if ('logged' in pattern) return `log of ${pattern.logged}`;
  const { check, states, signs = [], not = [] } = pattern;
  const state = states.map((each) => ({ fail: 'failed', warn: 'warning', unknown: 'unknown', pass: 'passed' })[each as string] ?? each).join(' or ');
  return `[${check}](checks/${check}.md) ${state}${signs.length > 0 ? `: ${signs.join(', ')}` : ''}${not.length > 0 ? `, but not ${not.join(', ')}` : ''}`;
}

function causeRow({ id, title, means, seenAt, given = [], unless = [], against = [], source }: CauseDefinition): string {
  const seen = [
    seenAt.map(seenText).join('; '),
    ...(given.length > 0 ? [`given ${given.map(seenText).join('; ')}`] : []),
    ...(unless.length > 0 ? [`unless ${unless.map(seenText).join('; ')}`] : []),
    ...(against.length > 0 ? [`against it: ${against.map(seenText).join('; ')}`] : []),
  ].join('. ');
  return `| ${title}<br>\`${id}\` | ${means} | ${seen} | ${source} |`;
}

/** How causes are found, and every one with where it is seen. */
export function causePage(): string {
  const causes = conditions.filter(isCause);
  const lines = [
    '# Causes', '',
    `The ${causes.length} causes that this tool knows. Each says where it is seen itself, what it brings about, and what would speak against it; stages such as "services do not get through to Redis" lead from one to the other. Nothing of this names a deployment: the rules know Caracal.`, '',
    '1. Each check that failed or warns, or could not be told, carries the word of whoever was asked: `redis_unreachable`, `28P01`, `OOMKilled`. What a service says of itself is a symptom. That nothing was given to ask with says nothing.',
    '2. The cause that explains most of what is red is taken, then the one that explains most of the rest. A cause that another one explains is a step of its path.',
    '3. A cause that is seen itself is confirmed, unless something contradicts it. One that is not, because nobody could look, is likely when it explains two failures or more and no other explains nearly as much; otherwise it is possible, and the check that would tell is named instead.',
    '4. What stays when its own cause is over is past: it is a mark that somebody must take away. It is called so only where all that could still go on was looked at.', '',
    'The weights, the same for every cause:', '', '| weight | value |', '| --- | --- |', ...Object.entries(weights).map(([name, value]) => `| ${name} | ${String(value)} |`), '',
    'They are explained in src/diagnosis/weights.ts, and tried on recorded faults by `npm run -s matrix`.',
  ];
  for (const family of families) {
    const own = causes.filter((cause) => cause.family === family);
    lines.push('', `## ${familyTitles[family]}`, '', '| cause | what it does | where it is seen | source, in the contract of Caracal |', '| --- | --- | --- | --- |', ...own.map(causeRow));
  }
  return `${lines.join('\n')}\n`;
}

const pages: Readonly<Record<string, () => string>> = { 'docs/checks/README.md': checkIndex, 'docs/causes.md': causePage };

/** Pages in the repository that are not the ones that the definitions make. */
export async function outdatedPages(): Promise<readonly string[]> {
  const outdated: string[] = [];
  for (const [path, make] of Object.entries(pages)) {
    if ((await readFile(join(root, path), 'utf8').catch(() => '')) !== make()) outdated.push(path);
  }
  return outdated;
}

if (import.meta.main) {
  const outdated = await outdatedPages();
  if (process.argv.includes('--check')) {
    for (const path of outdated) say(`${path} is not current. Run: node scripts/checkPages.ts`);
    process.exitCode = outdated.length === 0 ? 0 : 1;
  } else {
    for (const path of outdated) await writeFile(join(root, path), pages[path]?.() ?? '');
    say(outdated.length === 0 ? 'All pages are current.' : `wrote ${outdated.join(', ')}`);
  }
}
