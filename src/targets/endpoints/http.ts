import type { HttpQuestion, HttpService } from '../deployment.ts';
import type { Address } from './sockets.ts';
import { exchange } from './wire.ts';

export interface HttpServiceOptions {
  readonly url: URL;
  /** How the host is reached when it is not by its own name. */
  readonly via?: Address | undefined;
  /** @throws Unavailable when the target does not give the token. */
  readonly token: (name: NonNullable<HttpQuestion['token']>) => string;
  /** Aborted when the deployment is closed. */
  readonly closed: AbortSignal;
}

export type MakeHttp = (options: HttpServiceOptions) => HttpService;

/** The one path that is posted to. */
const simulation = /^\/v1\/zones\/[\w-]{1,128}\/policy-sets\/[\w-]{1,128}\/simulate$/;

/**
 * One service, by GET, and by POST for a simulation of the policy alone. Each request has a connection of its own and leaves none behind.
 * Redirects are answers like any other; a token goes to the origin of the service and nowhere else.
 */
export function httpService({ url, via, token, closed }: HttpServiceOptions): HttpService {
  return {
    at: (path) => below(url, path),
    async get({ path, token: name, signal }) {
      const bearer = name === undefined ? undefined : token(name);
      return exchange(below(url, path), { via, bearer, signal: AbortSignal.any([signal, closed]) });
    },
    async simulate({ path, body, signal }) {
      if (!simulation.test(path)) throw new Error(`${path} is not the path of a simulation, and nothing else is posted`);
      return exchange(below(url, path), { method: 'POST', via, bearer: token('admin'), body: { type: 'application/json', text: JSON.stringify(body) }, signal: AbortSignal.any([signal, closed]) });
    },
  };
}

/** @throws Error when `path` leads to another origin, which is our own mistake. */
function below(base: URL, path: string): URL {
  const url = new URL(base.pathname.replace(/\/+$/, '') + path, base);
  if (!path.startsWith('/') || url.origin !== base.origin) throw new Error(`${path} does not lie below ${base.origin}`);
  return url;
}
