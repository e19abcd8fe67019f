/** Links from outside the editor: `vscode://caracal-debugger.caracal-debugger/trace?request=…`, which anybody may have written. */

export type TraceLink =
  | { readonly kind: 'trace'; readonly request: string; readonly zone: string | undefined; /** Name of the target that it is about. */ readonly target: string | undefined }
  | { readonly kind: 'wrong'; readonly why: string };

/** What Caracal's own path parameters may be (contract request-evidence 1.4). */
const plainId = /^[A-Za-z0-9_.:-]{1,128}$/;
/** Names of projects, releases and target files. */
const plainName = /^[\p{L}\p{N}][\p{L}\p{N} _.:@/-]{0,127}$/u;
const forms: Readonly<Record<string, RegExp>> = { request: plainId, zone: plainId, target: plainName };

/**
 * Takes exactly what is described, and nothing that is near it.
 *
 * @param query decoded, as the editor gives it
 */
export function readTraceLink({ path, query, fragment }: { readonly path: string; readonly query: string; readonly fragment: string }): TraceLink {
  if (path !== '/trace' || fragment !== '') return wrong('it is no link to a request');
  const values = new Map<string, string>();
  for (const part of query.split('&')) {
    const [, name = '', value = ''] = /^([a-z]+)=(.*)$/su.exec(part) ?? [];
    const form = Object.hasOwn(forms, name) ? forms[name] : undefined;
    if (form === undefined) return wrong('it has a part that no link to a request has');
    if (values.has(name)) return wrong(`it names its ${name} twice`);
    if (!form.test(value)) return wrong(`its ${name} has characters that none has, or too many`);
    values.set(name, value);
  }
  const request = values.get('request');
  return request === undefined ? wrong('it names no request') : { kind: 'trace', request, zone: values.get('zone'), target: values.get('target') };
}

function wrong(why: string): TraceLink {
  return { kind: 'wrong', why };
}
