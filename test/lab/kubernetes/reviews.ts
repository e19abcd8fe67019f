import type { User } from './access.ts';
import { allows, allowsPath, rulesIn } from './access.ts';
import { reviewGroup } from './resources.ts';
import { Refusal } from './status.ts';

type Fields = Readonly<Record<string, unknown>>;

const fieldsOf = (value: unknown): Fields => (typeof value === 'object' && value !== null ? value as Fields : {});
const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');

/**
 * Answers a review: what the user who asks may do.
 *
 * @throws Refusal when it asks nothing
 */
export function review(plural: string, user: User, body: Fields): unknown {
  const spec = fieldsOf(body['spec']);
  return plural === 'selfsubjectaccessreviews' ? accessReview(user, spec) : rulesReview(user, spec);
}

function accessReview(user: User, spec: Fields): unknown {
  const [resource, path] = [spec['resourceAttributes'], spec['nonResourceAttributes']];
  if ((resource === undefined) === (path === undefined)) {
    throw new Refusal(422, 'Invalid', 'SelfSubjectAccessReview.authorization.k8s.io "" is invalid: spec.resourceAttributes: Invalid value: null: '
      + 'exactly one of nonResourceAttributes or resourceAttributes must be specified');
  }
  const field = (name: string): string => textOf(fieldsOf(resource ?? path)[name]);
  const allowed = resource === undefined
    ? allowsPath(user, field('verb'), field('path'))
    : allows(user, {
      verb: field('verb'), group: field('group'), resource: field('resource'), namespace: field('namespace'), name: field('name'),
      ...(field('subresource') === '' ? {} : { subresource: field('subresource') }),
    });
  return {
    kind: 'SelfSubjectAccessReview', apiVersion: `${reviewGroup}/v1`, metadata: { creationTimestamp: null }, spec,
    status: allowed ? { allowed, reason: `RBAC: allowed by a role of user "${user.name}"` } : { allowed },
  };
}

function rulesReview(user: User, spec: Fields): unknown {
  const namespace = textOf(spec['namespace']);
  if (namespace === '') {
    throw new Refusal(400, 'BadRequest', 'no namespace on request');
  }
  const rules = rulesIn(user, namespace);
  return {
    kind: 'SelfSubjectRulesReview', apiVersion: `${reviewGroup}/v1`, metadata: { creationTimestamp: null }, spec: {},
    status: {
      resourceRules: rules.filter(({ resources }) => resources !== undefined)
        .map(({ verbs, apiGroups, resources, resourceNames }) => ({ verbs, apiGroups, resources, ...(resourceNames === undefined ? {} : { resourceNames }) })),
      nonResourceRules: rules.filter(({ nonResourceURLs }) => nonResourceURLs !== undefined).map(({ verbs, nonResourceURLs }) => ({ verbs, nonResourceURLs })),
      incomplete: false,
    },
  };
}
