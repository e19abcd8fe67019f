import { services } from '../../caracal/services.ts';
import type { Check } from '../../model/check.ts';
import type { ServiceName } from '../../model/target.ts';
import { clocksCheck } from './clocks.checks.ts';
import { judgeHealth } from './health.checks.ts';
import { judgeIdentity } from './identity.checks.ts';
import { judgeProcess } from './process.checks.ts';
import { judgeReady } from './ready.checks.ts';
import { readinessCheck, serviceHealth, serviceReady } from './service.checks.ts';
import { sharedCheck } from './shared.checks.ts';

interface Sources {
  readonly health: string;
  readonly ready: string;
  readonly identity: string;
}

const jwks = 'services/sts/internal/server.go:228';

const sources: Readonly<Record<ServiceName, Sources>> = {
  api: { health: 'apps/api/src/app.ts:561', ready: 'apps/api/src/app.ts:597', identity: 'apps/api/src/app.ts:242' },
  sts: { health: 'services/sts/internal/server.go:270', ready: 'services/sts/internal/server.go:558', identity: jwks },
  gateway: {
    health: 'services/gateway/internal/server.go:140', ready: 'services/gateway/internal/server.go:224', identity: 'services/gateway/internal/server.go:418',
  },
  audit: {
    health: 'services/audit/internal/server.go:177', ready: 'services/audit/internal/server.go:185', identity: 'services/audit/internal/server.go:215',
  },
  coordinator: { health: 'apps/coordinator/src/app.ts:168', ready: 'apps/coordinator/src/app.ts:169', identity: 'apps/coordinator/src/auth.ts:237' },
  web: { health: 'apps/auth/src/server.ts:73', ready: 'apps/auth/src/server.ts:82', identity: 'apps/auth/src/server.ts:73' },
};

/** Process, Health, Ready and Identity of each service, what their answers say together, and the clocks. */
export const readinessChecks: readonly Check[] = [
  ...services.flatMap(({ name }): Check[] => {
    const base = { step: 'readiness', component: name, privilege: 'none' } as const;
    const [process, health] = [readinessCheck(name, 'process'), readinessCheck(name, 'health')];
    return [
      {
        ...base,
        id: process,
        title: 'Process',
        needs: [],
        asks: [serviceHealth.of(name)],
        source: 'infra/docker/runtime-compose.yml, ports',
        judge: (observed) => judgeProcess(name, observed),
      },
      {
        ...base,
        id: health,
        title: 'Health',
        needs: [process],
        asks: [serviceHealth.of(name)],
        source: sources[name].health,
        judge: (observed) => judgeHealth(name, observed),
      },
      {
        ...base,
        id: readinessCheck(name, 'ready'),
        title: 'Ready',
        needs: [process],
        asks: [serviceReady.of(name)],
        source: sources[name].ready,
        judge: (observed) => judgeReady(name, observed),
      },
      {
        ...base,
        id: readinessCheck(name, 'identity'),
        title: 'Identity',
        needs: [health],
        asks: [serviceHealth.of(name)],
        source: sources[name].identity,
        judge: (observed) => judgeIdentity(name, observed),
      },
    ];
  }),
  sharedCheck,
  clocksCheck,
];
