import type { ServiceName } from '../model/target.ts';

/**
 * What a service asks while it starts. When that fails the process ends, so that its port is closed
 * instead of its `/ready` giving a reason. Absent where it starts without.
 */
export interface Start {
  readonly postgres?: string;
  readonly redis?: string;
}

/**
 * Caracal services/gateway/internal/server.go:101 and :126, apps/api/src/main.ts:64,
 * apps/coordinator/src/main.ts:49, apps/auth/src/server.ts:46. The STS and Audit connect later, and
 * start without either store.
 */
export const starts: Readonly<Record<ServiceName, Start>> = {
  api: { postgres: 'writes its admin tokens first', redis: 'pings it first' },
  sts: {},
  gateway: { postgres: 'loads all revocations first', redis: 'makes its consumer group first' },
  audit: {},
  coordinator: { postgres: 'looks at its tables first', redis: 'pings it first' },
  web: { postgres: 'makes its sign-in tables first, where CARACAL_AUTH_AUTO_MIGRATE is on' },
};
