import type { KubernetesObject } from './objects.ts';
import { badRequest } from './status.ts';

export type Predicate = (object: KubernetesObject) => boolean;

/**
 * A label selector: `a=b`, `a==b`, `a!=b`, `a in (b,c)`, `a notin (b,c)`, `a`, `!a`, joined by commas.
 *
 * @throws Refusal for anything else
 */
export function labelSelector(text: string): Predicate {
  const requirements = text.split(/,(?![^(]*\))/).map((part) => part.trim()).filter((part) => part !== '').map(labelRequirement);
  return ({ metadata: { labels = {} } }) => requirements.every((holds) => holds(labels));
}

type Requirement = (labels: Readonly<Record<string, string>>) => boolean;

function labelRequirement(text: string): Requirement {
  const set = /^(\S+)\s+(in|notin)\s*\(([^)]*)\)$/.exec(text);
  if (set) {
    const [, key = '', operator, list = ''] = set;
    const values = list.split(',').map((value) => value.trim());
    return (labels) => values.includes(labels[key] ?? '\0') === (operator === 'in');
  }
  const pair = /^([^\s!=]+)\s*(!=|==|=)\s*([^\s!=]*)$/.exec(text);
  if (pair) {
    const [, key = '', operator, value] = pair;
    return (labels) => (labels[key] === value) === (operator !== '!=');
  }
  const presence = /^(!?)\s*([^\s!=()]+)$/.exec(text);
  if (!presence) throw badRequest(`unable to parse requirement: found '${text}', expected: !, identifier, or 'end of string'`);
  const [, not, key = ''] = presence;
  return (labels) => key in labels === (not === '');
}

/** Fields by which each resource can be selected, besides `metadata.name` and `metadata.namespace`. */
const fields: Readonly<Record<string, readonly string[]>> = {
  pods: ['spec.nodeName', 'spec.restartPolicy', 'spec.schedulerName', 'spec.serviceAccountName', 'status.phase', 'status.podIP'],
  secrets: ['type'],
  namespaces: ['status.phase'],
  nodes: ['spec.unschedulable'],
  jobs: ['status.successful'],
  events: [
    'involvedObject.kind', 'involvedObject.namespace', 'involvedObject.name', 'involvedObject.uid', 'involvedObject.apiVersion',
    'involvedObject.resourceVersion', 'involvedObject.fieldPath', 'reason', 'reportingComponent', 'source', 'type',
  ],
};

/**
 * A field selector: `a=b`, `a==b`, `a!=b`, joined by commas.
 *
 * @throws Refusal for a field that the resource cannot be selected by
 */
export function fieldSelector(text: string, resource: { readonly plural: string; readonly namespaced: boolean }): Predicate {
  const known = ['metadata.name', ...(resource.namespaced ? ['metadata.namespace'] : []), ...(fields[resource.plural] ?? [])];
  const requirements = text.split(',').filter((part) => part !== '').map((part): Predicate => {
    const match = /^([^!=]+)(!=|==|=)(.*)$/.exec(part);
    if (!match) throw badRequest(`invalid selector: '${text}'; can't understand '${part}'`);
    const [, field = '', operator, value] = match;
    if (!known.includes(field)) throw badRequest(`field label not supported: ${field}`);
    return (object) => (at(object, field === 'source' ? 'source.component' : field) === value) === (operator !== '!=');
  });
  return (object) => requirements.every((holds) => holds(object));
}

function at(object: KubernetesObject, path: string): string {
  let value: unknown = object;
  for (const field of path.split('.')) value = (value as Readonly<Record<string, unknown>> | undefined)?.[field];
  return typeof value === 'string' || typeof value === 'boolean' || typeof value === 'number' ? String(value) : '';
}
