import * as z from 'zod';

// What the platform's decision contract decides (contract, request evidence 7.5 and 13; Caracal services/sts/internal/decision_contract.rego).

const grantSchema = z.object({ application: z.string(), roles: z.record(z.string(), z.array(z.string())).default({}) });

/** The data documents of a zone. What is wrong with the last two is the contract's to say, not the compiler's. */
export const documentsSchema = z.object({
  app_ids: z.record(z.string(), z.string()).default({}),
  grants: z.record(z.string(), grantSchema).default({}),
  restrict: z.union([z.record(z.string(), z.unknown()), z.array(z.unknown())]).default({}),
  confinement: z.array(z.object({ label_prefix: z.string(), scopes: z.array(z.string()) })).default([]),
  risk: z.unknown().optional(),
  approval_tiers: z.unknown().optional(),
});
export type Documents = z.infer<typeof documentsSchema>;

const text = z.string().nullish().transform((value) => value ?? '');
const texts = z.array(z.string()).nullish().transform((value) => value ?? []);
/** Null counts as missing. */
const maybe = <Schema extends z.ZodType>(schema: Schema) => schema.nullish().transform((value) => value ?? undefined);
const claimsSchema = z.object({ scope: text, target: texts, delegation_edge_id: text });

/** The input's parts that the contract looks at; whatever is missing is empty, as in Go (contract, request evidence 2.6). */
export const policyInputSchema = z.object({
  principal: z.object({ type: text, id: text, labels: texts }).prefault({}),
  resource: z.object({ identifier: text }).prefault({}),
  action: z.object({ id: text }).prefault({}),
  delegation_edge: maybe(z.object({ id: text, scopes: texts })),
  context: z.object({ agent_session_id: text, requested_scopes: texts, subject_claims: maybe(claimsSchema) }).prefault({}),
});
export type PolicyInput = z.input<typeof policyInputSchema>;
type Input = z.output<typeof policyInputSchema>;

/** The engine's answer in the form of the wire. */
export type Verdict = {
  decision: 'allow' | 'deny';
  evaluation_status: 'complete';
  determining_policies: { policy: string }[];
  diagnostics: Record<string, unknown>[];
};

/** A zone's declaration of a tier that is held until somebody approves; only the tier is guaranteed. */
export const tierSchema = z.looseObject({
  tier: z.string().min(1), approver: z.enum(['operator', 'subject', 'any']).optional(), ttl_seconds: z.int().positive().optional(),
  privacy: z.enum(['identified', 'pseudonymous', 'anonymous']).optional(),
});
export type Tier = z.infer<typeof tierSchema>;
const riskSchema = z.array(z.looseObject({ scope: z.string().min(1), tier: z.string().min(1) }));

const LIFECYCLE = 'agent:lifecycle';

export function denied(reason: string): Verdict {
  return { decision: 'deny', evaluation_status: 'complete', determining_policies: [], diagnostics: [{ reason }] };
}

/** Why a decision denies; empty when it says nothing. */
export function reasonOf({ diagnostics }: Verdict): string {
  const reason = diagnostics[0]?.['reason'];
  return typeof reason === 'string' ? reason : '';
}

/** @throws Error of the evaluation, e.g. when a scope has two tiers */
export function decide(documents: Documents, asked: PolicyInput): Verdict {
  const input = policyInputSchema.parse(asked);
  const owner = documents.grants[input.resource.identifier]?.application ?? '';
  const reason = refusal(documents, input, documents.app_ids[owner] === input.principal.id);
  if (reason !== undefined) return denied(reason);
  const kind = kindOf(input);
  return {
    decision: 'allow', evaluation_status: 'complete', determining_policies: [{ policy: kind === 'bootstrap' ? 'caracal-bootstrap' : kind === 'workload' ? 'caracal-workload-mint' : `caracal-${owner}-${kind}` }],
    diagnostics: kind === 'mint' || kind === 'workload' ? mintDiagnostics(documents, input.context.requested_scopes) : [],
  };
}

type Kind = 'bootstrap' | 'workload' | 'mint' | 'use';

/** The shape of the request; undefined for none that the contract knows. */
function kindOf({ principal, action, delegation_edge: edge, context }: Input): Kind | undefined {
  const { agent_session_id: session, requested_scopes: scopes, subject_claims: claims } = context;
  const alone = claims === undefined && edge === undefined && session === '';
  if (alone && scopes.length > 0 && scopes.every((scope) => scope === LIFECYCLE)) return 'bootstrap';
  if (alone && principal.type === 'Workload' && action.id === 'CredentialInjection') return 'workload';
  if (edge !== undefined && edge.id !== '' && session !== '' && claims === undefined && scopes.length > 0 && !scopes.includes(LIFECYCLE)) return 'mint';
  return claims !== undefined && claims.delegation_edge_id !== '' && scopes.length === 0 && words(claims.scope).length > 0 ? 'use' : undefined;
}

/** The first reason in the contract's order; undefined when allowed. */
function refusal(documents: Documents, input: Input, owns: boolean): string | undefined {
  const { context: { requested_scopes: scopes, subject_claims: claims }, delegation_edge: edge, principal: { labels }, resource: { identifier } } = input;
  if (Object.keys(documents.restrict).length > 0) return 'restriction_active';
  const kind = kindOf(input);
  if (kind === undefined || (kind === 'bootstrap' && !owns)) return 'no_rule_matched';
  if (kind === 'bootstrap') return undefined;
  if (kind === 'use') {
    if (claims?.target.includes(identifier) !== true) return 'mandate_target_mismatch';
    if (!owns) return 'resource_not_granted';
    return hasRole(documents, identifier, labels, words(claims.scope)) ? undefined : 'role_scope_mismatch';
  }
  if (!riskSchema.safeParse(documents.risk ?? []).success) return 'malformed_risk_data';
  if (!z.array(tierSchema).safeParse(documents.approval_tiers ?? []).success) return 'malformed_approval_data';
  if (kind === 'workload') return undefined;
  if (!owns) return 'resource_not_granted';
  if (scopes.some((scope) => edge?.scopes.includes(scope) !== true)) return 'delegation_scope_exceeded';
  const confining = documents.confinement.filter(({ label_prefix: prefix }) => labels.some((label) => label.startsWith(prefix)));
  if (confining.some((rule) => scopes.some((scope) => !rule.scopes.includes(scope)))) return 'confinement_violation';
  return hasRole(documents, identifier, labels, scopes) ? undefined : 'role_scope_mismatch';
}

/** Roles do not add up: one label must cover all the scopes. */
function hasRole({ grants }: Documents, resource: string, labels: readonly string[], scopes: readonly string[]): boolean {
  const roles = grants[resource]?.roles ?? {};
  return labels.some((label) => roles[label] !== undefined && scopes.every((scope) => roles[label]?.includes(scope)));
}

/** Risk of the scopes, and the tiers among it for which somebody has to approve. */
function mintDiagnostics(documents: Documents, scopes: readonly string[]): Record<string, unknown>[] {
  const rules = riskSchema.parse(documents.risk ?? []);
  const risk = scopes.toSorted().flatMap((scope) => {
    const tiers = new Set(rules.filter((rule) => rule.scope === scope).map(({ tier }) => tier));
    if (tiers.size > 1) throw new Error('eval_conflict_error: functions must not produce multiple outputs for same inputs');
    return [...tiers].map((tier) => ({ scope, tier }));
  });
  const tiers = z.array(tierSchema).parse(documents.approval_tiers ?? []).filter(({ tier }) => risk.some((entry) => entry.tier === tier));
  return [
    ...(tiers.length === 0 ? [] : [{ step_up_required: { type: 'human_approval', tiers } }]),
    ...(risk.length === 0 ? [] : [{ risk }]),
  ];
}

function words(value: string): string[] {
  return value.split(' ').filter(Boolean);
}
