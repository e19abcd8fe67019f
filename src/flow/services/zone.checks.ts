import * as z from 'zod';
import type { Check } from '../../model/check.ts';
import { subject } from '../../model/observation.ts';
import { finding, whenAnswered } from '../judging.ts';
import { postgresAuthenticationId } from '../storage/postgres.checks.ts';
import { count } from '../words.ts';
import { asksZone, whenZone } from '../zone.checks.ts';
import { asksVisibility, whenVisible } from './visible.ts';

/** What is registered in a zone and not archived. */
export const zoneContent = subject(
  'postgres.zoneContent',
  z.object({
    name: z.string(),
    resources: z.number().int(),
    applications: z.number().int(),
    /** Names of applications whose end has passed, at most 20; those of dynamic registration left out, which end by design. */
    expired: z.array(z.string()),
    providers: z.number().int(),
  }),
);

/** Whether what is registered in the zone in view can be used. */
export const zoneChecks: readonly Check[] = [
  {
    id: 'CRC-SVC-062',
    title: 'Registrations',
    step: 'services',
    component: 'zone',
    needs: [postgresAuthenticationId],
    asks: [asksZone, asksVisibility],
    privilege: 'SELECT on zones, applications (all but client_secret_hash), resources and providers',
    source: 'apps/api/src/routes/zones.ts; packages/engine/src/doctor.ts, zone resources',
    judge: (observed) =>
      whenVisible(observed, ['applications', 'resources', 'providers'], () => whenZone(observed, (zone) => {
        const question = zoneContent.of(zone);
        const answered = observed.find(question);
        if (!answered) return { ...finding('unknown', 'not asked yet', 'The zone is known only now.'), wants: [question] };
        return whenAnswered(answered, ({ name, resources, applications, expired, providers }) => {
          const facts = [
            { name: 'zone', value: `${name}, ${zone}` },
            { name: 'providers', value: String(providers) },
          ];
          const [first] = expired;
          if (first !== undefined) {
            return finding(
              'warn',
              `${count(expired.length, 'application')} expired: ${first}${expired.length > 1 ? ' and more' : ''}`,
              'An application whose end has passed cannot authenticate: the STS answers 401 access_denied, as for a wrong secret.',
              [...facts, ...expired.map((application) => ({ name: 'expired', value: application }))],
            );
          }
          return finding('pass', `${count(resources, 'resource')}, ${count(applications, 'application')}`, `The zone ${name} exists, and no managed application in it has come to its end.`, facts);
        });
      })),
  },
];
