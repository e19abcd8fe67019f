import { Refused, Unavailable } from '../failures.ts';

/** Why an engine cannot be asked, and what would change that. */
export interface EngineProblem {
  readonly why: string;
  readonly wayOut: string;
}

/**
 * What is wrong with an engine, of the error with which it was asked. Rethrows what is no refusal of an engine.
 *
 * @param host Undefined when it is not known which engine is asked.
 */
export function problemOf(error: unknown, host: string | undefined): EngineProblem {
  if (error instanceof Unavailable) return { why: error.message, wayOut: error.wayOut };
  if (!(error instanceof Refused) || host === undefined) throw error;
  return { why: `the Docker Engine at ${host} cannot be asked: ${error.message} (${error.code})`, wayOut: wayOutOf(error.code) };
}

function wayOutOf(code: string): string {
  switch (code) {
    case 'ENOENT':
    case 'ECONNREFUSED':
      return 'start Docker, or set DOCKER_HOST or a Docker context to the engine that runs';
    case 'EACCES':
    case 'EPERM':
      return 'let this account use it: add it to the group of the socket, usually docker, and sign in again';
    case 'ETIMEDOUT':
      return 'see whether docker ps answers; if it does not, restart Docker';
    default:
      return 'see whether docker ps works from here';
  }
}
