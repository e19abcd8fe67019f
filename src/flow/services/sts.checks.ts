import type { Check } from '../../model/check.ts';
import { finding } from '../judging.ts';
import { count } from '../words.ts';
import { asksFigures, judgeMovement, movement, over, whenFigures } from './figures.ts';
import { metricsCheckId } from './metrics.checks.ts';

const evaluations = 'opa.eval_total';
const evaluationErrors = 'opa.eval_errors';
const evaluationTime = 'opa.eval_duration_ns';
const leased = 'sts.provider_refresh_leased';
const shared = 'sts.provider_refresh_shared';
const waited = 'sts.provider_refresh_waited';
const coordinationErrors = 'sts.provider_refresh_errors';
const circuitRefusals = 'sts.provider_circuit_open';

const base = { step: 'services', component: 'sts', needs: [metricsCheckId('sts')], asks: asksFigures('sts'), privilege: 'METRICS_BEARER' } as const;

/** Policy evaluation and provider refresh, by the figures of the STS. */
export const stsChecks: readonly Check[] = [
  {
    ...base,
    id: 'CRC-SVC-014',
    title: 'Policy evaluation',
    source: 'services/sts/internal/opa.go:130',
    judge: (observed) =>
      whenFigures(observed, 'sts', [evaluations, evaluationErrors, evaluationTime], ({ value }) => {
        const all = value(evaluations);
        const mean = all === 0 ? '' : `, ${(value(evaluationTime) / all / 1e6).toFixed(1)} ms each`;
        const wording = {
          one: 'evaluation error',
          none: all === 0 ? 'none since it started' : `${count(all, 'evaluation')}, none failed${mean}`,
          meaning: 'A denial is no error; a policy that cannot be loaded or gives no usable answer is.',
        };
        return judgeMovement(movement(observed, 'sts', [evaluationErrors]), wording, (rise) => {
          const [failed, tried] = [rise.by(evaluationErrors), rise.by(evaluations)];
          return finding(
            failed >= tried ? 'fail' : 'warn',
            `${failed} of ${count(tried, 'evaluation')} failed ${over(rise)}`,
            'Each is an exchange that the STS refused with policy_eval_failed, because the policy of a zone could not be loaded or its answer could not be read.',
          );
        });
      }),
  },
  {
    ...base,
    id: 'CRC-SVC-017',
    title: 'Provider refresh',
    source: 'services/sts/internal/refresh.go:238',
    judge: (observed) =>
      whenFigures(observed, 'sts', [leased, shared, waited, coordinationErrors, circuitRefusals], ({ value }) => {
        const wording = {
          one: 'trouble',
          many: 'troubles',
          none: value(leased) === 0 ? 'none yet, none failed' : `${count(value(leased), 'refresh', 'refreshes')}, none failed`,
          meaning: 'Replicas of the STS share the refresh of a provider credential through Redis, and stop asking a provider that failed five times for 30 s.',
          facts: [
            { name: 'answered together', value: String(value(shared)) },
            { name: 'waited for another replica', value: String(value(waited)) },
            { name: 'errors of Redis', value: String(value(coordinationErrors)) },
            { name: 'refused by an open circuit', value: String(value(circuitRefusals)) },
          ],
        };
        return judgeMovement(movement(observed, 'sts', [coordinationErrors, circuitRefusals]), wording, (rise) => {
          const refused = rise.by(circuitRefusals);
          return refused > 0
            ? finding('warn', `${count(refused, 'refresh', 'refreshes')} refused by an open circuit ${over(rise)}`, 'A provider failed five times in 5 min and is not asked for 30 s at a time. Calls that need its credential fail. CRC-SVC-061 names it.')
            : finding('warn', `${count(rise.by(coordinationErrors), 'error')} of Redis ${over(rise)}`, 'Refreshes of provider credentials fail because Redis cannot be asked who refreshes.');
        });
      }),
  },
];
