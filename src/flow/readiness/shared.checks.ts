import { readinessReasons } from '../../caracal/readinessReasons.ts';
import type { Dependency } from '../../caracal/readinessReasons.ts';
import { services } from '../../caracal/services.ts';
import type { Check } from '../../model/check.ts';
import type { Observation } from '../../model/observation.ts';
import type { ServiceName } from '../../model/target.ts';
import { finding, signed } from '../judging.ts';
import { reasonOf, saysReady, serviceReady } from './service.checks.ts';
import type { ServiceAnswer } from './service.checks.ts';

/** How a service's readiness reads from outside, for comparing services with each other. */
type Reading = 'ready' | 'silent' | 'slow' | { readonly reason: string } | 'not known';

function read(observation: Observation<ServiceAnswer>): Reading {
  const { outcome } = observation;
  if (outcome.kind === 'refused') return 'silent';
  if (outcome.kind === 'timeout') return 'slow';
  if (outcome.kind !== 'answer') return 'not known';
  if (saysReady(outcome.value)) return 'ready';
  const reason = reasonOf(outcome.value.body);
  return reason !== undefined && reason in readinessReasons && reason !== 'rate_limited' ? { reason } : 'not known';
}

/**
 * The dependency that the services' answers together point to, with the services that speak for it.
 * Two must agree, because one service alone may have its own wrong address or password.
 */
export function sharedDependency(
  readings: ReadonlyMap<ServiceName, Reading>,
): { readonly dependency: Dependency; readonly because: readonly ServiceName[] } | undefined {
  const names = [...readings.keys()];
  const saying = (dependency: Dependency): ServiceName[] =>
    names.filter((name) => {
      const reading = readings.get(name);
      return typeof reading === 'object' && readinessReasons[reading.reason]?.dependency === dependency;
    });
  const postgres = saying('Postgres');
  if (postgres.length >= 2) return { dependency: 'Postgres', because: postgres };
  // api and coordinator never name Redis with default limits: they hang, then answer 500.
  const hanging = (['api', 'coordinator'] as const).filter((name) => {
    const reading = readings.get(name);
    return reading === 'slow' || (typeof reading === 'object' && reading.reason === 'internal_error');
  });
  const redis = [...saying('Redis'), ...hanging];
  if (redis.length >= 2) return { dependency: 'Redis', because: redis };
  const sts = saying('sts');
  const stsAway = readings.get('sts') === 'silent' || readings.get('sts') === 'slow';
  if (sts.length > 0 && stsAway) return { dependency: 'sts', because: ['sts', ...sts] };
  return undefined;
}

/** What the six answers say together. */
export const sharedCheck: Check = {
  id: 'CRC-RDY-090',
  title: 'Shared dependency',
  step: 'readiness',
  component: 'all services',
  needs: [],
  asks: services.map((service) => serviceReady.of(service.name)),
  privilege: 'none',
  source: 'services/gateway/internal/server.go:224, apps/api/src/app.ts:597, apps/coordinator/src/app.ts:151',
  judge(observed) {
    const readings = new Map(services.map(({ name }) => [name, read(observed.get(serviceReady.of(name)))] as const));
    const known = [...readings.values()].filter((reading) => reading !== 'not known');
    if (known.length === 0) return finding('unknown', 'no readiness was read: give the addresses of the services', 'No service gave an answer of its own to /ready.');
    const ready = known.filter((reading) => reading === 'ready').length;
    if (known.length > 1 && known.every((reading) => reading === 'silent')) {
      return signed(finding('fail', 'every service refuses: not started, or another host', 'No port of the target has a listener.'), 'all');
    }
    const shared = sharedDependency(readings);
    if (shared) {
      return signed(
        finding(
          'fail',
          `${shared.dependency}, by ${shared.because.join(', ')}`,
          `The answers of ${shared.because.join(', ')} together are what Caracal gives when ${shared.dependency} is away. Look at ${shared.dependency} itself before these services.`,
        ),
        shared.dependency,
      );
    }
    return finding('pass', `none, ${ready} of ${known.length} ready`, 'The answers do not point to one dependency that several services share.');
  },
};
