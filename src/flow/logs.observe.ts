import type * as z from 'zod';
import { logSources } from '../caracal/logSources.ts';
import { findingsIn } from '../logs/tail.ts';
import type { Observer } from './liveSource.ts';
import { logFindings } from './logs.checks.ts';

/** A check that failed is told at once, with or without its log. */
const deadlineMs = 2_000;

const findings: Observer<z.infer<typeof logFindings.schema>> = {
  subject: logFindings,
  deadlineMs,
  asked: (_, of) => `the last lines of the log of ${of}`,
  async observe(deployment, { of, signal, stage }) {
    stage('reading the log');
    const source = logSources.find((one) => one === of);
    if (source === undefined) throw new Error(`${of} has no log`);
    const tails = await deployment.logTails(source, signal);
    const { records, from, to, findings: found } = findingsIn(source, tails.flatMap(({ streams }) => streams));
    return { records, from, to, findings: [...found] };
  },
};

export const logObservers: readonly Observer<unknown>[] = [findings];
