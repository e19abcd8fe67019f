import { all, ids, range } from '../faults/fault.ts';
import type { Expected } from '../faults/fault.ts';
import { behindService, withCredentials } from '../faults/groups.ts';
import type { ClusterFault } from './fault.ts';
import { done } from './faultParts.ts';

/** What is asked of the cluster itself, once its API server answers. */
const behindApiServer = ids('SVC', ...range(201, 212), ...range(220, 225), ...range(230, 235));

/** Nothing of the release can be reached, so that nothing of it is known. */
const unseen: Expected = all('unknown', ...Object.entries(behindService).flatMap(([, checks]) => checks), ...ids('RDY', 1, 11, 21, 31, 41, 51, 90, 91), ...withCredentials);

/** One failure, and what follows from it. */
const apiServerFails: Expected = { ...unseen, 'CRC-SVC-200': 'fail', ...all('blocked', ...behindApiServer) };

/** Not even whether the API server is well can be told. */
const nothingKnown: Expected = { ...unseen, ...all('unknown', 'CRC-SVC-200', ...behindApiServer) };

/** The API server itself. */
export const serverFaults: readonly ClusterFault[] = [
  {
    id: 'token-expired',
    title: 'The token of the kubeconfig has expired',
    contract: 'Kubernetes: 401 Unauthorized',
    verdicts: apiServerFails,
    inject: ({ api }) => {
      for (const user of ['admin', 'viewer', 'developer']) api.expireToken(user);
      return done;
    },
  },
  {
    id: 'api-server-down',
    title: 'The API server refuses connections',
    contract: 'Kubernetes: connection refused',
    verdicts: apiServerFails,
    inject: ({ api }) => api.refuse(),
  },
  {
    id: 'api-server-frozen',
    title: 'The API server accepts connections and never answers',
    contract: 'Kubernetes: no answer',
    verdicts: nothingKnown,
    inject: ({ api }) => {
      api.freeze();
      return done;
    },
  },
  {
    id: 'api-server-throttles',
    title: 'The API server answers 429',
    contract: 'Kubernetes: API priority and fairness',
    verdicts: nothingKnown,
    inject: ({ api }) => {
      api.throttle(1);
      return done;
    },
  },
];
