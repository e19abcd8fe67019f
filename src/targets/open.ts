import type { Redactor } from '../redaction/redactor.ts';
import type { Deployment } from './deployment.ts';
import { openEndpoints } from './endpoints/deployment.ts';
import { httpService } from './endpoints/http.ts';
import type { MakeHttp } from './endpoints/http.ts';
import type { LocatedTarget } from './located.ts';

export interface OpenOptions {
  readonly redactor: Redactor;
  /** Takes the place of the target's own zone. */
  readonly zone: string | undefined;
  readonly signal: AbortSignal;
  /** Makes the clients of services, which otherwise only read. For remedies/run.ts alone. */
  readonly http?: MakeHttp;
}

/**
 * Opens a target of any kind. Reads its credentials and teaches them to the redactor. What cannot be
 * found or reached is told by `Unavailable` when it is asked for.
 *
 * @throws the signal's reason when it is aborted, with nothing left open.
 */
export async function openTarget(located: LocatedTarget, { redactor, zone, signal, http = httpService }: OpenOptions): Promise<Deployment> {
  const { target } = located;
  switch (target.kind) {
    case 'endpoints':
      return openEndpoints(located, redactor, zone, http);
    case 'compose': {
      const { openCompose } = await import('./compose/compose.ts');
      return openCompose({ ...located, target: { ...target, ...(zone === undefined ? {} : { zone }) } }, redactor, signal, { http });
    }
    case 'kubernetes': {
      const { openKubernetes } = await import('./kubernetes/kubernetes.ts');
      return openKubernetes({ ...located, target: { ...target, ...(zone === undefined ? {} : { zone }) } }, redactor, signal, http);
    }
  }
}
