import type { Endpoints, ServiceName, Target } from '../model/target.ts';
import type { Address } from './endpoints/sockets.ts';

/** A target and where it was found, which is what relative paths in it start from. */
export interface LocatedTarget<Kind extends Target = Target> {
  /**
   * Stable across runs: the path of the target file, `local` for the local runtime, `compose:<project>`,
   * `kubernetes:<context>/<namespace>/<release>`.
   */
  readonly id: string;
  readonly target: Kind;
  /** Folder that relative credential files start at. */
  readonly folder: string;
  /** How it was found, in words: `target file`, `local runtime`, `Docker Engine`, `context prod`. */
  readonly origin: string;
  /**
   * Host names of its connection strings that mean something only between the containers, and the
   * host where their ports are published.
   */
  readonly publishedHosts?: Readonly<Record<string, string>>;
}

/** A target whose addresses and credentials are known, and how what it names is reached from here. */
export interface LocatedEndpoints {
  readonly target: Target;
  /** What is used: what the target says, completed by what was found. */
  readonly endpoints: Endpoints;
  /** Where it is, for a person. */
  readonly place: string;
  /** Folder that relative credential files start at. */
  readonly folder: string;
  /**
   * How a host of a connection string is reached; undefined: by its own name.
   *
   * @throws Unavailable when it is not reachable from here.
   */
  readonly store: (host: string, port: number) => Address | undefined;
  /**
   * How a service is reached; undefined: by the host of its URL.
   *
   * @throws Unavailable when it is not reachable from here, and why.
   */
  readonly service: (service: ServiceName) => Address | undefined;
}
