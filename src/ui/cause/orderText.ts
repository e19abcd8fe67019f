/** Why the causes stand in their order, as a text that a person reads. Pure; the caller masks the result. */
import type { Cause, Diagnosis } from '../../model/diagnosis.ts';
import { reference } from '../causes.ts';
import { yamlScalar } from '../yaml.ts';

const head = `# Why this order
# What is red is explained by as few causes as possible: the one with
# the highest sum is taken first, then the one with the highest sum over
# what is left. What several would explain is shared among them. Causes
# that are over, or that another one left behind, stand last.
`;

export function orderText({ causes, ruledOut }: Diagnosis, numbers: ReadonlyMap<string, number>): string {
  const ranked = causes.flatMap((cause) => ['', ...causeLines(cause, reference(numbers.get(cause.id)))]);
  const out = ruledOut.flatMap(({ title, why }) => [`  - ${yamlScalar(title)}: ${yamlScalar(why.words)}`]);
  const none = causes.length === 0 ? ['', '# No cause is seen.'] : [];
  return `${[head.trimEnd(), ...none, ...ranked, ...(out.length === 0 ? [] : ['', 'ruled out:', ...out])].join('\n')}\n`;
}

function causeLines({ title, id, standing, leftBehindBy, score }: Cause, sign: string): readonly string[] {
  const sum = score.reduce((total, { value }) => total + value, 0);
  return [
    `${yamlScalar([sign, title].filter(Boolean).join(' '))}:`,
    `  id: ${id}`,
    `  standing: ${standing}`,
    ...(leftBehindBy === null ? [] : [`  left behind by: ${leftBehindBy}`]),
    ...score.map(({ name, value }) => `  ${yamlScalar(name)}: ${signed(value)}`),
    `  sum: ${signed(sum)}`,
  ];
}

/** `+3`, `-2`, `+1.25` */
function signed(value: number): string {
  const rounded = Math.round(value * 100) / 100;
  return rounded < 0 ? String(rounded) : `+${rounded}`;
}
