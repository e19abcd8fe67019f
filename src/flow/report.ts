import * as z from 'zod';
import manifest from '../../package.json' with { type: 'json' };
import { reportSchema } from '../model/report.ts';
import type { Report } from '../model/report.ts';
import type { Deployment } from '../targets/deployment.ts';
import { fileProblem, readSmallFile } from '../targets/smallFile.ts';
import type { RunResult } from './runner.ts';
import { causesOf } from './diagnosing.ts';
import { zoneInView } from './zone.checks.ts';

/** A report of a whole flow is below 1 MB; what is larger than this is something else. */
const largestBytes = 64 * 1024 * 1024;

/** The report of a run. Nothing is masked here: see `runFlow`. */
export function buildReport({ target, place }: Pick<Deployment, 'target' | 'place'>, result: RunResult): Report {
  const { verdicts, observations, startedAt, tookMs, cancelled } = result;
  return {
    format: 'caracal-report/1',
    tool: { name: 'caracal-debugger', version: manifest.version },
    target: { name: target.name, kind: target.kind, address: place },
    zone: target.zone ?? zoneOf(observations),
    startedAt,
    tookMs,
    cancelled,
    verdicts: [...verdicts],
    diagnosis: causesOf(target.kind, verdicts, observations).result,
    // Answers passed the schema of their subject, which describes plain JSON.
    observations: observations.map((observation) => ({ ...observation, question: plainQuestion(observation.question) })) as Report['observations'],
  };
}

/** The only zone of the deployment, when the target named none and a check looked. */
function zoneOf(observations: RunResult['observations']): string | null {
  const outcome = observations.find(({ question }) => question.subject === zoneInView.name)?.outcome;
  return outcome?.kind === 'answer' ? (zoneInView.schema.safeParse(outcome.value).data?.zone ?? null) : null;
}

function plainQuestion({ subject, of, sample, earlier }: RunResult['observations'][number]['question']): Report['observations'][number]['question'] {
  return { subject, of, ...(sample === undefined ? {} : { sample }), ...(earlier ? { earlier } : {}) };
}

/**
 * Reads a saved report.
 *
 * @throws Error with one sentence for a person, which names the file, what is wrong and what to do.
 */
export async function readReport(path: string): Promise<Report> {
  const unreadable = (reason: string, wayOut: string): Error => new Error(`Cannot read the report ${path}: ${reason}. ${wayOut}.`);
  let json: unknown;
  try {
    json = JSON.parse((await readSmallFile(path, largestBytes)).replace(/^\uFEFF/, ''));
  } catch (error) {
    if (error instanceof SyntaxError) throw unreadable('it is not JSON', 'Give a file that "flow --json" or "Save Report" wrote');
    throw unreadable(fileProblem(error), 'Give the path of a saved report');
  }
  const format = z.looseObject({ format: z.string() }).safeParse(json);
  if (!format.success || !format.data.format.startsWith('caracal-report/')) {
    throw unreadable('it is no report of this tool', 'Give a file that "flow --json" or "Save Report" wrote');
  }
  if (format.data.format !== 'caracal-report/1') {
    throw unreadable(`it has the format ${format.data.format}, and this version reads caracal-report/1`, 'Use the version that wrote it, or a newer one');
  }
  const parsed = reportSchema.safeParse(json);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw unreadable(`${issue?.path.join('.') || 'the file'} has another form than in a report`, 'It was changed or cut; save it again');
}
