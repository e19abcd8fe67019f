import type { Layer } from './refusals.ts';

/** What an audit event says by its `evaluation_status`. */
export interface EvaluationStatus {
  readonly layer: Layer;
  /** Why, for a person, as the end of a sentence; empty where the event itself says it elsewhere. */
  readonly words: string;
}

/** Statuses of denies, and of what the Gateway did after an allow. Contract request-evidence 7.4. */
export const evaluationStatuses: Readonly<Record<string, EvaluationStatus>> = {
  resource_not_found: { layer: 'before policy', words: 'the zone has no such resource, or it is archived' },
  scope_mismatch: { layer: 'before policy', words: 'a requested scope is not declared on the resource' },
  resource_outside_delegation: { layer: 'before policy', words: 'the Delegation does not cover this resource' },
  operation_not_permitted: { layer: 'before policy', words: 'the resource does not declare this method and path, or the mandate lacks the scope that it declares for them' },
  rate_limited: { layer: 'before policy', words: 'the budget of mandates for this resource is used up, or Redis did not answer whether it is' },
  control_resource_requires_control_key: { layer: 'before policy', words: 'mandates for the control resource are made for control keys only' },
  provider_unavailable: { layer: 'before policy', words: 'the provider of the resource is missing or not configured' },
  credential_not_provisioned: { layer: 'before policy', words: 'the provider of the resource has no credential for this subject' },
  credential_refresh_failed: { layer: 'before policy', words: 'the connection to the provider of this resource is expired, and could not be renewed' },
  policy_eval_failed: { layer: 'policy', words: 'the STS could not evaluate the policy of the zone' },
  approval_invalid: { layer: 'approval', words: 'the approval is gone, or was given for another request: other scopes, resources, Session, Delegation or policy' },
  approval_already_consumed: { layer: 'approval', words: 'the approval was used by another request' },
  approval_rejected: { layer: 'approval', words: 'the approval was rejected' },
  approval_expired: { layer: 'approval', words: 'nobody approved it in time' },
  approval_policy_changed: { layer: 'approval', words: 'the policy changed after the approval was asked for' },
  approval_class_conflict: { layer: 'approval', words: 'the scopes need approvals of an operator and of the user at once; ask for them one by one' },
  provider_credential_unavailable: { layer: 'after mint', words: 'the STS got no credential from the provider of the resource' },
  credential_injection_denied: { layer: 'before policy', words: 'the provider of the resource does not allow its credential to be handed to a workload' },
  subject_federation_invalid: { layer: 'before policy', words: 'an identity token is exchanged for a session mandate alone, and the exchange asks for more' },
  subject_federation_rejected: { layer: 'before policy', words: 'the zone does not accept the identity token of the user' },
  workload_auth_failed: { layer: 'before policy', words: 'the STS does not know this workload with this secret' },
  anomaly: { layer: 'gateway', words: 'the mandate was used before' },
  upstream_rejected: { layer: 'gateway', words: 'the address of the upstream may not be called, or the credential is not for its host' },
  build_failed: { layer: 'gateway', words: 'no call to the upstream could be made of this one' },
  upstream_error: { layer: 'resource', words: 'the upstream could not be reached, or broke off' },
};

/** Why no answer of the upstream came, by the status that the Gateway gave its caller. Contract request-evidence 5, row 18. */
export const withoutAnswer: Readonly<Record<number, string>> = {
  413: 'the body of the call is larger than the Gateway passes on', 499: 'the caller went away before', 502: 'it could not be reached from the Gateway', 504: 'its time ran out',
};

/** Why the policy denies, in the order in which it looks. Contract request-evidence 7.5; words of the panel as designed. */
export const denyReasons: Readonly<Record<string, string>> = {
  no_active_policy_set: 'no policy set is active in this zone',
  restriction_active: 'the whole zone is frozen by a restriction',
  malformed_risk_data: 'the zone\u2019s risk document has a wrong entry',
  malformed_approval_data: 'the zone\u2019s approval document has a wrong entry',
  resource_not_granted: 'this Application has no grant for the resource',
  delegation_scope_exceeded: 'it asked for more than its Delegation carries',
  confinement_violation: 'a label of this Session confines it, and the scope is outside',
  role_scope_mismatch: 'no single label\u2019s role covers all the scopes; roles do not add up',
  mandate_target_mismatch: 'the mandate was made for another resource',
  no_rule_matched: 'the request has none of the shapes that policy knows',
};
