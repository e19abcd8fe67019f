interface Extras {
  readonly details?: Readonly<Record<string, unknown>>;
  readonly retryAfter?: number;
  readonly continueFrom?: string;
}

/** The API server's answer when something is refused: a `Status` object, thrown. */
export class Refusal extends Error {
  readonly code: number;
  readonly reason: string;
  readonly details: Readonly<Record<string, unknown>> | undefined;
  /** Seconds after which the client may ask again. */
  readonly retryAfter: number | undefined;
  /** Goes into the list metadata, for a continue token that came too late. */
  readonly continueFrom: string | undefined;

  constructor(code: number, reason: string, message: string, more: Extras = {}) {
    super(message);
    this.code = code;
    this.reason = reason;
    this.details = more.details;
    this.retryAfter = more.retryAfter;
    this.continueFrom = more.continueFrom;
  }

  get status(): unknown {
    return {
      kind: 'Status', apiVersion: 'v1', metadata: this.continueFrom === undefined ? {} : { continue: this.continueFrom }, status: 'Failure',
      message: this.message, reason: this.reason, ...(this.details === undefined ? {} : { details: this.details }), code: this.code,
    };
  }
}

export function notFound(resource: { readonly plural: string; readonly group: string }, name: string): Refusal {
  const qualified = resource.group === '' ? resource.plural : `${resource.plural}.${resource.group}`;
  return new Refusal(404, 'NotFound', `${qualified} "${name}" not found`, {
    details: { name, ...(resource.group === '' ? {} : { group: resource.group }), kind: resource.plural },
  });
}

/** An answer in plain text, as for paths that no API serves and for what the kubelet refuses. */
export class PlainRefusal extends Error {
  readonly code: number;
  readonly headers: Readonly<Record<string, string>>;

  constructor(code: number, message: string, headers: Readonly<Record<string, string>> = {}) {
    super(message);
    this.code = code;
    this.headers = headers;
  }
}

export function noSuchPath(): PlainRefusal {
  return new PlainRefusal(404, '404 page not found');
}

/** The answer to values that are none, as 422. */
export function invalid(kind: string, name: string, field: string, problem: string): Refusal {
  return new Refusal(422, 'Invalid', `${kind} "${name}" is invalid: ${field}: ${problem}`, {
    details: { name, kind, causes: [{ reason: problem.startsWith('Forbidden') ? 'FieldValueForbidden' : 'FieldValueInvalid', message: problem, field }] },
  });
}

/** The answer to options of a list or watch that are none, as 422. */
export function invalidList(field: string, problem: string): Refusal {
  return new Refusal(422, 'Invalid', `ListOptions.meta.k8s.io "" is invalid: ${field}: ${problem}`, {
    details: { group: 'meta.k8s.io', kind: 'ListOptions', causes: [{ reason: 'FieldValueForbidden', message: problem, field }] },
  });
}

export function badRequest(message: string): Refusal {
  return new Refusal(400, 'BadRequest', message);
}
