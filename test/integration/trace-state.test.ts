import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { observerRoleName, observerRoleSql } from '../../src/caracal/observerRole.ts';
import { createRedactor, readTargetFile } from '../../src/flow/engine.ts';
import type { Deployment } from '../../src/targets/deployment.ts';
import { openTarget } from '../../src/targets/open.ts';
import { capture } from '../../src/trace/capture.ts';
import type { Captured } from '../../src/trace/capture.ts';
import { explanationSection } from '../../src/trace/explanationSection.ts';
import { policySection } from '../../src/trace/policySection.ts';
import { readEvidence } from '../../src/trace/read.ts';
import { replayInput } from '../../src/trace/replayInput.ts';
import type { ReplayInput } from '../../src/trace/replayInput.ts';
import { requestTime } from '../../src/trace/sectionParts.ts';
import type { SectionParts } from '../../src/trace/sectionParts.ts';
import { simulate, simulationRequest } from '../../src/trace/simulate.ts';
import { stateSection } from '../../src/trace/stateSection.ts';
import type { Block, Cell, Section } from '../../src/trace/story.ts';
import { readSurroundings } from '../../src/trace/surroundings.ts';
import { traceOf } from '../../src/trace/trace.ts';
import { Caller, mandateOf } from '../lab/caller.ts';
import type { Reply } from '../lab/caller.ts';
import { eventually } from '../lab/eventually.ts';
import { startLab } from '../lab/lab.ts';
import type { Lab } from '../lab/lab.ts';
import { uuidv7 } from '../lab/stores/identifiers.ts';

const signal = AbortSignal.timeout(300_000);

function captured(text: string): Captured {
  const result = capture(text);
  ok(result.kind === 'captured', text.slice(0, 80));
  return result.captured;
}

interface Told {
  readonly parts: SectionParts;
  readonly state: Section;
  readonly policy: Section;
  readonly explanation: Section;
}

/** Rows of all tables of a section, the folded ones too, by the text of their first cell. */
function rowsOf({ blocks }: Section): ReadonlyMap<string, readonly Cell[]> {
  return new Map(blocks.flatMap((block) => (block.kind === 'table' ? [...block.rows, ...(block.folded?.rows ?? [])] : [])).map((row) => [row[0]?.text ?? '', row]));
}

function rowLike(section: Section, first: RegExp): { readonly texts: readonly string[]; readonly mark: string | undefined; readonly cells: readonly Cell[] } {
  const found = [...rowsOf(section)].find(([name]) => first.test(name));
  ok(found !== undefined, `${String(first)} in ${[...rowsOf(section).keys()].join(', ')}`);
  return { texts: found[1].map(({ text }) => text), mark: found[1][0]?.mark, cells: found[1] };
}

function textsOf({ blocks }: Section): readonly string[] {
  return blocks.flatMap((block: Block) => (block.kind === 'text' ? [block.cell.text] : block.kind === 'list' ? block.items.map(({ text }) => text) : []));
}

describe('state, policy and explanation of a traced request', function () {
  this.timeout(120_000);
  let lab: Lab;
  let caller: Caller;
  let deployment: Deployment;
  let observer: Deployment;

  const adminAudit = (): Promise<unknown> => lab.sql('SELECT count(*)::int AS rows, max(id) AS newest FROM admin_audit_events');

  const ingested = (requestId: string, events: number): Promise<unknown> => eventually(`${events} events of ${requestId}`, async () => {
    const [row] = await lab.sql<{ events: number }>('SELECT count(*)::int AS events FROM audit_events WHERE request_id = $1', [requestId]);
    return row?.events === events;
  });

  /** A whole story reads, and nothing else: the admin audit is the same after it. */
  async function told(what: Captured, from = deployment): Promise<Told> {
    const before = await adminAudit();
    const evidence = await readEvidence(from, what, { mayAskApi: () => Promise.resolve(false), whichZone: () => Promise.resolve(undefined), signal });
    const trace = traceOf(what, evidence);
    const surroundings = await readSurroundings(from, what, evidence, requestTime(what, trace, evidence), signal);
    const parts: SectionParts = { captured: what, trace, evidence, surroundings };
    deepEqual(await adminAudit(), before);
    return { parts, state: stateSection(parts), policy: policySection(parts), explanation: explanationSection(parts) };
  }

  async function call(): Promise<{ readonly minted: Reply; readonly called: Reply; readonly mandate: string }> {
    const minted = await caller.mint();
    const mandate = mandateOf(minted);
    const called = await caller.call(mandate);
    equal(called.status, 200, called.text);
    await ingested(minted.requestId, 1);
    await ingested(called.requestId, 2);
    return { minted, called, mandate };
  }

  before(async () => {
    lab = await startLab({ traffic: 0 });
    caller = new Caller(lab.callers);
    const redactor = createRedactor();
    deployment = await openTarget(await readTargetFile(lab.targetFile), { redactor, zone: undefined, signal });
    const password = 'observer-of-the-lab';
    await lab.sql(observerRoleSql());
    await lab.sql(`ALTER ROLE ${observerRoleName} PASSWORD '${password}'`);
    const target = JSON.parse(await readFile(lab.targetFile, 'utf8')) as Record<string, unknown>;
    const url = join(lab.directory, 'observer-url');
    await writeFile(url, lab.postgres.dsn(observerRoleName, password), { mode: 0o600 });
    const path = join(lab.directory, 'observer.json');
    await writeFile(path, JSON.stringify({ ...target, postgres: { file: url } }));
    observer = await openTarget(await readTargetFile(path), { redactor, zone: undefined, signal });
  });

  after(async () => {
    deployment.close();
    observer.close();
    await lab.close();
  });

  it('of a call whose authority is as it was says so, also to the role that may only observe', async () => {
    const { called, minted, mandate } = await call();
    for (const from of [deployment, observer]) {
      const { parts, state, policy, explanation } = await told(captured(called.requestId), from);
      deepEqual(Object.entries(parts.surroundings).filter(([, part]) => (part as { kind?: string }).kind === 'cannot look'), []);
      equal(state.summary, 'nothing is known to have changed since');
      deepEqual([...rowsOf(state).values()].filter(([first]) => first?.mark === 'warning' || first?.mark === 'failed'), []);
      match(rowLike(state, /^Session …/).texts.join('|'), /\|active: the STS took it\||\|active; whether it was suspended is not recorded\|active\|/);
      match(rowLike(state, /^The Gateway’s set/).texts[1] ?? '', /^by its rule, its next snapshot has none of these\. The last one is \d+ s old, \d+ anchors? of all zones$/);
      deepEqual(textsOf(state).filter((text) => text.includes('The STS would take this Session and this Delegation now')).length, 1);
      equal(policy.summary, '2 of 2 exchanges allowed; same version now');
      const [mint, use] = [rowLike(policy, /^Mint$/).texts, rowLike(policy, /^Use/).texts];
      deepEqual([mint.slice(1, 4), use.slice(1, 4)], [[lab.callers.resource, 'invoice:read', 'all of them'], [lab.callers.resource, 'invoice:read in its mandate', 'the same']]);
      const link = rowLike(policy, /^grants$/).cells[0]?.link;
      ok(link?.kind === 'text' && link.text.includes('grants := ') && link.language === 'rego', JSON.stringify(link));
      equal(explanation.summary, 'explain says allow');
    }
    // With the mandate in hand it is known who used it first.
    const { state } = await told({ ...captured(called.requestId), mandate: captured(mandate).mandate });
    equal(rowLike(state, /^First use/).texts[1], 'used by this request first');
    equal((await told(captured(minted.requestId))).explanation.summary, 'explain says allow');
  });

  it('tells an input of the policy that is whole, and what was added to the event for it', async () => {
    const { called } = await call();
    const { parts, explanation } = await told(captured(called.requestId));
    const replay = replayInput(parts);
    ok(replay.kind === 'input');
    const { allowed, resource, zoneId } = lab.callers;
    const { principal, resource: asked, delegation_edge: edge, context, action } = replay.input as Record<string, Record<string, unknown>>;
    equal(principal?.['id'], allowed.applicationId);
    deepEqual(asked?.['scopes'], ['invoice:read', 'invoice:write']);
    deepEqual([edge?.['id'], edge?.['scopes'], edge?.['path']], [allowed.edgeId, ['invoice:read'], [allowed.edgeId]]);
    deepEqual(context?.['subject_claims'], { scope: 'invoice:read', target: [resource], delegation_edge_id: allowed.edgeId });
    deepEqual(action, { id: 'TokenExchange', method: 'GET' });
    deepEqual(replay.missing.map(({ field }) => field).filter((field) => !field.endsWith('graph_epoch')), ['action.path']);
    equal(simulationRequest(zoneId, replay).path, `/v1/zones/${zoneId}/policy-sets/${lab.seeded.payments.policySetId}/simulate`);
    ok(explanation.blocks.some((block) => block.kind === 'action' && block.action === 'simulate'));
  });

  it('tells a Delegation that was revoked after the call, the way of the revocation, and the epoch that grew', async () => {
    const { allowed, zoneId } = lab.callers;
    const { called, mandate } = await call();
    await lab.sql(`UPDATE audit_events SET metadata_json = jsonb_set(metadata_json, '{delegation_graph_epoch}', '2') WHERE request_id = $1 AND event_type = 'token_exchange'`, [called.requestId]);
    const recordId = lab.seeded.payments.applications['invoices']?.authorityRecordId ?? '';
    const requestId = uuidv7();
    // As the Coordinator does it, in one transaction with its row of the admin audit.
    await lab.sql(
      `WITH edge AS (UPDATE delegation_edges SET status = 'revoked', revoked_at = now(), edge_version = edge_version + 1 WHERE id = $1 RETURNING id),
            epoch AS (UPDATE delegation_graph_epochs SET epoch = 3, updated_at = now() WHERE zone_id = $2),
            sent AS (INSERT INTO caracal_outbox (id, producer, topic, dedupe_key, payload_json) VALUES
              ($3, 'coordinator', 'caracal.sessions.revoke', $4, $5), ($6, 'coordinator', 'caracal.delegations.invalidate', $7, $8))
       INSERT INTO admin_audit_events (id, request_id, actor_id, actor_name, action, method, path, zone_id, entity_type, entity_id, status_code)
       SELECT $9, $10, 'caracal-operator', 'caracal-operator', $11, 'PATCH', $12, $2, 'delegations', $1, 200`,
      [
        allowed.edgeId, zoneId, uuidv7(), `delegation:${allowed.edgeId}:subject:${recordId}`, JSON.stringify({ zone_id: zoneId, session_id: recordId, delegation_edge_id: allowed.edgeId, reason: 'delegation_revoked' }),
        uuidv7(), `edge_revoke:${allowed.edgeId}`, JSON.stringify({ event: 'edge_revoke', zone_id: zoneId, edge_id: allowed.edgeId, epoch: 3 }), uuidv7(), requestId,
        `PATCH /zones/${zoneId}/delegations/${allowed.edgeId}/revoke`, `/zones/${zoneId}/delegations/${allowed.edgeId}/revoke`,
      ],
    );
    await eventually('the messages are published', async () => (await lab.sql("SELECT 1 FROM caracal_outbox WHERE producer = 'coordinator' AND status = 'pending' AND topic <> 'caracal.agents.lifecycle'")).length === 0);
    await lab.redisClient.set(`caracal:revoked:sessions:${allowed.edgeId}`, '1', 'PX', 60_000);
    await lab.redisClient.set(`caracal:revoked:sessions:delegation-epoch:${zoneId}`, '3', 'PX', 60_000);
    await eventually('the STS and the Gateway have taken the message', async () => (await told(captured(called.requestId))).state.blocks.some((block) => block.kind === 'table' && block.rows.some((row) => /sts-revocation: taken/.test(row[1]?.text ?? '') && /gateway-revocation:\S+: taken/.test(row[1]?.text ?? ''))));
    for (const from of [deployment, observer]) {
      const { state } = await told(captured(called.requestId), from);
      const edge = rowLike(state, new RegExp(`^Delegation …${allowed.edgeId.slice(-6)}$`));
      deepEqual([edge.mark, edge.texts[1], edge.texts[3]], ['warning', 'active', `by caracal-operator: PATCH /zones/${zoneId}/delegations/${allowed.edgeId}/revoke`]);
      match(edge.texts[2] ?? '', /^revoked, 20\S+Z$/);
      const epoch = rowLike(state, /^Delegation epoch$/);
      deepEqual([epoch.mark, epoch.texts[1], epoch.texts[2]], ['warning', '2', '3']);
      match(epoch.texts[3] ?? '', /^Delegation revoked …\w{6} at \S+; the last change by caracal-operator: PATCH /);
      match(rowLike(state, /^Delegations in Postgres$/).texts[1] ?? '', /^Delegation …\w{6} revoked since \S+$/);
      match(rowLike(state, /^Delegation epoch in Postgres$/).texts[1] ?? '', /^3, since \S+; newer than 2 of the mandate$/);
      match(rowLike(state, /^Stream caracal\.sessions\.revoke$/).texts[1] ?? '', /^a message at \S+, delegation_revoked; .*sts-revocation: (?:taken|not acknowledged|not delivered)/);
      match(rowLike(state, /^The Gateway’s set/).texts[1] ?? '', new RegExp(`^by its rule, its next snapshot has (?:authority record …\\w{6}, )?Delegation …${allowed.edgeId.slice(-6)}\\.`));
      equal(rowLike(state, /^Resource servers’ set/).texts[1], `revoked: …${allowed.edgeId.slice(-6)}; when and why is not recorded there`);
      equal(rowLike(state, /^Resource servers’ Delegation epoch/).texts[1], '3, newer than 2 of the mandate: verifiers answer delegation_stale');
      ok(textsOf(state).some((text) => /^The STS would refuse it now: delegation edge inactive or expired\. Delegation …\w{6}: revoked, \S+\.$/.test(text)), textsOf(state).join('\n'));
    }
    // What nobody publishes is seen where it waits.
    await lab.sql(`INSERT INTO caracal_outbox (id, producer, topic, dedupe_key, payload_json, status, attempts) VALUES ($1, 'coordinator', 'caracal.sessions.revoke', $2, '{}', 'dead', 10)`, [uuidv7(), `agent_terminate:${allowed.sessionId}`]);
    const { state } = await told(captured(called.requestId), observer);
    deepEqual([rowLike(state, /^Outbox of the Coordinator/).texts[1], rowLike(state, /^Outbox of the Coordinator/).mark], ['a message for caracal.sessions.revoke is dead after 10 attempts', 'failed']);

    // A refusal without an event: the section is the answer.
    const refused = await caller.mint();
    equal(refused.body['error_description'], 'delegation edge inactive or expired', refused.text);
    const silent = await told({ ...captured(refused.text), mandate: captured(mandate).mandate });
    ok(textsOf(silent.state).includes('A refusal of this kind leaves no audit event, so these rows are all there is to it. It is what the caller was told.'), textsOf(silent.state).join('\n'));
    equal(silent.explanation.summary, 'explain has nothing to say');

    await lab.sql('DELETE FROM caracal_outbox WHERE status = $1', ['dead']);
    await lab.sql("UPDATE delegation_edges SET status = 'active', revoked_at = NULL WHERE id = $1", [allowed.edgeId]);
    await lab.sql("UPDATE authority_records SET status = 'active', revoked_at = NULL, revoked_reason = NULL WHERE id = $1", [recordId]);
    // It forgets what its stream said.
    await lab.reconfigure('gateway', {});
    await lab.redisClient.del(`caracal:revoked:sessions:${allowed.edgeId}`);
  });

  it('tells a policy that was activated after the call, who did it, and what it changed', async () => {
    const { called } = await call();
    const { payments } = lab.seeded;
    const { api, adminToken, zoneId } = lab.callers;
    const [before] = await lab.sql<{ id: string; policy_id: string; content: string }>(`SELECT v.id, v.policy_id, v.content FROM policy_versions v JOIN policies p ON p.id = v.policy_id WHERE p.zone_id = $1 AND p.name = 'grants'`, [zoneId]);
    ok(before !== undefined);
    const content = before.content.replace('invoice:read', 'invoice:write');
    const [policyVersionId, versionId] = [uuidv7(), uuidv7()];
    const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
    await lab.sql(`INSERT INTO policy_versions (id, policy_id, version, content, content_sha256, schema_version, created_by) VALUES ($1, $2, 2, $3, $4, '2026-05-20', 'test')`, [policyVersionId, before.policy_id, content, sha256(content)]);
    const [old] = await lab.sql<{ manifest: { policy_version_id: string }[] }>('SELECT manifest_json AS manifest FROM policy_set_versions WHERE id = $1', [payments.activePolicySetVersionId]);
    const manifest = JSON.stringify((old?.manifest ?? []).map(({ policy_version_id: id }) => ({ policy_version_id: id === before.id ? policyVersionId : id })));
    await lab.sql(`INSERT INTO policy_set_versions (id, policy_set_id, version, manifest_json, manifest_sha256, schema_version, created_by) VALUES ($1, $2, 2, $3, $4, '2026-05-20', 'test')`, [versionId, payments.policySetId, manifest, sha256(manifest)]);
    const activated = await fetch(`${api}/v1/zones/${zoneId}/policy-sets/${payments.policySetId}/activate`, { method: 'POST', headers: { authorization: `Bearer ${adminToken}`, 'content-type': 'application/json' }, body: JSON.stringify({ version_id: versionId }) });
    equal(activated.status, 202);
    for (const from of [deployment, observer]) {
      const { state, policy } = await told(captured(called.requestId), from);
      const inForce = rowLike(state, /^Policy in force$/);
      deepEqual([inForce.mark, inForce.texts[1], inForce.texts[2]], ['warning', 'main, version 1', 'main, version 2']);
      match(inForce.texts[3] ?? '', /^activated at \S+ by bootstrap: POST \/v1\/zones\/\S+\/activate$/);
      match(policy.summary, /^2 of 2 exchanges allowed; changed at \S+ by bootstrap: POST \S+\/activate$/);
      const [, , became] = rowLike(policy, /^grants$/).cells;
      ok(became?.link?.kind === 'difference' && became.link.before === before.content && became.link.after === content, JSON.stringify(became));
      equal(rowLike(policy, /^app-ids$/).texts[2], 'the same');
      const facts = policy.blocks.find((block) => block.kind === 'facts');
      deepEqual(facts?.kind === 'facts' ? facts.facts.map(({ value: { link } }) => link?.kind) : [], ['text', 'difference']);
    }
    await fetch(`${api}/v1/zones/${zoneId}/policy-sets/${payments.policySetId}/activate`, { method: 'POST', headers: { authorization: `Bearer ${adminToken}`, 'content-type': 'application/json' }, body: JSON.stringify({ version_id: payments.activePolicySetVersionId }) });
  });

  it('tells a Session whose time is over although its row says active, and one that somebody terminated', async () => {
    const { allowed, zoneId, coordinator } = lab.callers;
    await eventually('the old policy is loaded again', async () => (await caller.mint()).status === 200);
    const { called, mandate } = await call();
    await lab.sql("UPDATE sessions SET ttl_seconds = greatest(1, extract(epoch FROM now() - started_at)::int - 1) WHERE id = $1 AND lifecycle = 'task'", [allowed.sessionId]);
    const refused = await caller.mint();
    equal(refused.body['error_description'], 'delegation target inactive or unauthorized');
    const over = await told({ ...captured(refused.text), mandate: captured(mandate).mandate });
    match(rowLike(over.state, new RegExp(`^Session …${allowed.sessionId.slice(-6)}$`)).texts[2] ?? '', /^its \d+ s ended, \S+; its row still says active$/);
    ok(textsOf(over.state).some((text) => text.startsWith('The STS judges by the clock of Postgres, not by the word in the row')), textsOf(over.state).join('\n'));
    await lab.sql('UPDATE sessions SET ttl_seconds = 86400 WHERE id = $1', [allowed.sessionId]);

    const ended = await fetch(`${coordinator}/zones/${zoneId}/agents/${allowed.sessionId}?reason=requested`, { method: 'DELETE', headers: { authorization: `Bearer ${lab.secrets.caracalCoordinatorToken}` } });
    equal(ended.status, 204);
    const { state } = await told(captured(called.requestId), observer);
    const row = rowLike(state, new RegExp(`^Session …${allowed.sessionId.slice(-6)}$`));
    deepEqual([row.mark, row.texts[1], row.texts[3]], ['warning', 'active: the STS took it', `by caracal-operator: DELETE /zones/${zoneId}/agents/${allowed.sessionId}`]);
    match(row.texts[2] ?? '', /^terminated, requested, 20\S+Z$/);
    ok(textsOf(state).some((text) => text.includes('no message tells of it, because its authority record is the Application’s own')), textsOf(state).join('\n'));
    match(rowLike(state, /^The Gateway’s set/).texts[1] ?? '', new RegExp(`Session …${allowed.sessionId.slice(-6)}`));
    ok(!(rowLike(state, /^Stream caracal\.sessions\.revoke$/).texts[1] ?? '').includes('requested'), 'the Coordinator sends no message for it');
  });

  it('is simulated by one POST with a token that may write, and by no other', async () => {
    const [row] = await lab.sql<{ id: string }>(`SELECT request_id AS id FROM audit_events WHERE event_type = 'gateway_resource_request' ORDER BY occurred_at DESC LIMIT 1`);
    const { parts } = await told(captured(row?.id ?? ''));
    const replay = replayInput(parts) as ReplayInput;
    const request = simulationRequest(lab.zoneId, replay);
    const got: { method: string | undefined; url: string | undefined; authorization: string | undefined; body: unknown }[] = [];
    let answer: { status: number; body: unknown } = { status: 403, body: { error: 'admin_token_read_only' } };
    await lab.replace('api', (incoming, outgoing) => {
      const chunks: Buffer[] = [];
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk)).on('end', () => {
        got.push({ method: incoming.method, url: incoming.url, authorization: incoming.headers.authorization, body: JSON.parse(Buffer.concat(chunks).toString()) });
        outgoing.writeHead(answer.status, { 'content-type': 'application/json' }).end(JSON.stringify(answer.body));
      });
    });
    // The role that observes may not see what the token can do, so the API says it.
    deepEqual(await simulate(observer, lab.zoneId, request, signal), { kind: 'refused', why: 'the admin token may only read, and a simulation needs one that may write (403 admin_token_read_only)' });
    answer = { status: 200, body: { dry_run: true, warnings: [], explanation: { evaluation: 'executed', decision: 'deny' }, result: { decision: 'deny', determining_policies: [], diagnostics: [{ reason: 'resource_not_granted' }] } } };
    const simulated = await simulate(deployment, lab.zoneId, request, signal);
    ok(simulated.kind === 'simulated' && simulated.decision === 'deny', JSON.stringify(simulated));
    ok(textsOf(explanationSection(parts, simulated)).some((text) => text.startsWith('Recorded was allow')));
    deepEqual(got[1], { method: 'POST', url: request.path, authorization: `Bearer ${lab.secrets.caracalAdminToken}`, body: JSON.parse(JSON.stringify(request.body)) as unknown });
    await lab.sql("UPDATE admin_tokens SET capability = 'read'");
    deepEqual(await simulate(deployment, lab.zoneId, request, signal), { kind: 'refused', why: 'the admin token may only read, and a simulation needs one that may write' });
    equal(got.length, 2, 'a token that cannot is not sent');
    for (const path of [`/v1/zones/${lab.zoneId}/policy-sets/x/activate`, `/v1/zones/../policy-sets/x/simulate`, `/v1/zones/a/policy-sets/%2e%2e/simulate`, `${request.path}?x=1`]) await deployment.http('api').simulate({ path, body: {}, signal }).then(() => ok(false, path), (error: unknown) => match(String(error), /is not the path of a simulation/));
    equal(got.length, 2);
  });
});
