import type { Check } from '../../model/check.ts';
import { finding } from '../judging.ts';
import { count } from '../words.ts';
import { asksFigures, judgeMovement, movement, over, whenFigures } from './figures.ts';
import { metricsCheckId } from './metrics.checks.ts';

/** Two services keep provider credentials in the secret backend: the api writes them, the STS reads them. */
const users = [
  {
    service: 'api', id: 'CRC-SVC-002', source: 'apps/api/src/secret-store.ts:82', one: 'operation',
    calls: 'caracal_secret_backend_operations_total', errors: 'caracal_secret_backend_errors_total',
    effect: 'Credentials of providers cannot be stored, read or deleted there: the API answers 502 secret_backend_unavailable.',
  },
  {
    service: 'sts', id: 'CRC-SVC-016', source: 'services/sts/internal/secret_backend.go', one: 'read',
    calls: 'sts.secret_backend_reads', errors: 'sts.secret_backend_errors',
    effect: 'Calls that need the credential of a provider fail once what the STS has cached runs out.',
  },
] as const;

/** Whether the secret backend answers those who use it. */
export const secretBackendChecks: readonly Check[] = users.map(
  ({ service, id, source, one, calls, errors, effect }): Check => ({
    id,
    title: 'Secret backend',
    step: 'services',
    component: service,
    needs: [metricsCheckId(service)],
    asks: asksFigures(service),
    privilege: 'METRICS_BEARER',
    source,
    judge: (observed) =>
      whenFigures(observed, service, [calls, errors], ({ value }) => {
        const all = value(calls);
        const wording = {
          one: `failed ${one}`,
          none: all === 0 ? `not used since it started` : `${count(all, one)}, none failed`,
          meaning: 'A secret that does not exist is no error here; a backend that does not answer is.',
        };
        return judgeMovement(movement(observed, service, [errors]), wording, (rise) => {
          const [failed, tried] = [rise.by(errors), rise.by(calls)];
          return finding(failed >= tried ? 'fail' : 'warn', `${failed} of ${count(tried, one)} failed ${over(rise)}`, effect);
        });
      }),
  }),
);
