import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { auditData } from '../lab/services/audit-event.ts';
import { adminContentHash, chainHmac, ledgerContentHash, type LedgerRecord, microsecondsOf, timestampOf } from '../lab/services/chains.ts';
import { open, seal } from '../lab/services/envelope.ts';
import { isGatewayRequest, signGatewayRequest } from '../lab/services/gateway-signature.ts';
import { issue, newSigningKeyPem, peek, publicJwk, signingKey, verificationKey, verified } from '../lab/services/mandates.ts';
import { decimal, metricsText } from '../lab/services/metrics-text.ts';
import { isAuthentic, signAuditData, signed, signStream } from '../lab/services/streams.ts';

/** Bytes 00 to 1f, with which the contract's vectors were made. */
const KEY = Buffer.from(Array.from({ length: 32 }, (_, index) => index));

describe('audit ledger chain (storage-and-streams.md 9.6)', () => {
  const first: LedgerRecord = {
    id: '01900000-0000-7000-8000-000000000001', zoneId: 'zone-vector', eventType: 'token_exchange', requestId: 'req-1', decision: 'allow',
    policySetId: '', policySetVersionId: 'psv-1', manifestSha: 'abc', evaluationStatus: 'complete',
    determiningPolicies: '[{"policy": "baseline"}]', diagnostics: '[]',
    metadata: '{"n": 1.5, "resource": "resource://api", "application_id": "app-1", "requested_scopes": ["read", "write"]}',
    occurredAtMicroseconds: microsecondsOf('2026-11-21T12:00:00.123456789Z'),
  };
  const second: LedgerRecord = {
    id: '01900000-0000-7000-8000-000000000002', zoneId: 'zone-vector', eventType: 'replay_detected', requestId: '', decision: 'deny',
    policySetId: '', policySetVersionId: '', manifestSha: '', evaluationStatus: 'anomaly', determiningPolicies: 'null', diagnostics: 'null',
    metadata: 'null', occurredAtMicroseconds: microsecondsOf('2026-11-21T12:00:01Z'),
  };
  const firstHash = '3a162e4d7227b0b0c8f83d2206edc8297c5f6f2df56b316fc58bc0fa3f115588';
  const secondHash = '709c37a1855ef703752dc3d718022ae6e569b1ba9a3cac8c03a794f18339044d';

  it('gives the content hashes of the vectors', () => {
    assert.equal(ledgerContentHash(first), firstHash);
    assert.equal(ledgerContentHash(second), secondHash);
  });

  it('gives the signatures of the vectors, the first one without a predecessor', () => {
    assert.equal(chainHmac(KEY, firstHash, ''), '156a360db305845b5bcf760eb3749613860b83852ffc3807d83d1bf583f6bf5f');
    assert.equal(chainHmac(KEY, secondHash, firstHash), '219c0d183e9b8f4185cf449382a917c012a5f908df59c723d08123a6ef5cbc6f');
  });

  it('cuts the time to microseconds and gives it back without loss', () => {
    assert.equal(first.occurredAtMicroseconds * 1000n, 1795262400123456000n);
    assert.equal(timestampOf(first.occurredAtMicroseconds), '2026-11-21T12:00:00.123456Z');
    assert.equal(microsecondsOf('2026-11-21T14:00:01+02:00'), second.occurredAtMicroseconds);
    assert.throws(() => microsecondsOf('yesterday'), RangeError);
  });

  it('signs what a producer writes to the stream', () => {
    const data = auditData({
      id: first.id, zone_id: first.zoneId, event_type: first.eventType, request_id: first.requestId, decision: first.decision,
      policy_set_version_id: first.policySetVersionId, manifest_sha: first.manifestSha, evaluation_status: first.evaluationStatus,
      determining_policies_json: [{ policy: 'baseline' }], diagnostics_json: [],
      metadata_json: { resource: 'resource://api', application_id: 'app-1', requested_scopes: ['read', 'write'], n: 1.5 },
      occurred_at: '2026-11-21T12:00:00.123456789Z',
    });
    assert.equal(signAuditData(KEY, data), 'a42759f7ce6d63c045ba1cf18827673216ebf3c298650f5ca3b69a67ca6adc41');
  });
});

describe('admin audit chain (storage-and-streams.md 9.8)', () => {
  it('gives hash and signature of the vector, payload in order of insertion', () => {
    const content = adminContentHash('01900000-0000-7000-8000-0000000000b1', '2026-11-21T12:00:00.000Z', {
      requestId: 'req-9', actorId: 'tok-1', actorName: 'console', actorScope: 'global', method: 'POST', path: '/v1/zones/z1/applications',
      zoneId: 'z1', entityType: 'applications', entityId: 'a1', statusCode: 201,
      payload: { rls_mode: 'control_plane_wildcard', rls_zone_guc: '*', operator: 'acct-1', change_kind: 'create', changed_fields: ['name'] },
    });
    assert.equal(content, '53e4db50ecdb0d2f1db26ffa44efab9ff121e3ef166b6929ddcef9c0df99e19e');
    assert.equal(chainHmac(KEY, content, ''), 'da6c95a9e0b451545b59def2f91a8f4bf33fc701dca1042ff20abecdfd04eb3d');
  });
});

describe('stream signature (storage-and-streams.md 7.4)', () => {
  const revocation = { grant_id: 'g-1', outbox_id: '01900000-0000-7000-8000-0000000000aa', reason: 'grant_revoked', session_id: 'ar-1', zone_id: 'z1' };

  it('gives the signatures of both vectors', () => {
    assert.equal(signStream(KEY, 'caracal.sessions.revoke', revocation), 'a73b72cef0c2e780fa5901cc17a1765bc358fe497b27ce2d44424244f7a96f2a');
    assert.equal(signStream(KEY, 'caracal.agents.lifecycle', {
      agent_session_id: 's-1', application_id: 'a-1', dedupe_key: 'spawn:s-1', event: 'spawn',
      outbox_id: '01900000-0000-7000-8000-0000000000ab', parent_id: 'null', zone_id: 'z1',
    }), '776ffe5b546f73b384f4a0cb8b4df7f932bc75f82c02c4dc6b6b5ec8a0836acf');
  });

  it('holds for this stream and these fields only', () => {
    const entry = signed(KEY, 'caracal.sessions.revoke', revocation);
    assert.ok(isAuthentic(KEY, 'caracal.sessions.revoke', entry));
    assert.ok(!isAuthentic(KEY, 'caracal.policy.invalidate', entry));
    assert.ok(!isAuthentic(KEY, 'caracal.sessions.revoke', { ...entry, reason: 'other' }));
    assert.ok(!isAuthentic(randomBytes(32), 'caracal.sessions.revoke', entry));
    assert.ok(!isAuthentic(KEY, 'caracal.sessions.revoke', revocation));
  });
});

describe('metrics text', () => {
  it('has HELP, TYPE and value per sample', () => {
    assert.equal(
      metricsText([{ name: 'caracal_sts_audit_dropped_total', help: 'STS audit events irrecoverably lost', type: 'counter', value: 0 }]),
      '# HELP caracal_sts_audit_dropped_total STS audit events irrecoverably lost\n# TYPE caracal_sts_audit_dropped_total counter\ncaracal_sts_audit_dropped_total 0\n',
    );
  });

  it('writes plain decimals, never an exponent', () => {
    assert.deepEqual([0, 12, 20.897, 5e-7, 1e21, -3.5].map(decimal), ['0', '12', '20.897', '0.0000005', '1000000000000000000000', '-3.5']);
  });
});

describe('mandates', () => {
  const key = signingKey('kid-1', newSigningKeyPem());
  const claims = {
    iss: 'http://sts', sub: 'app', aud: ['http://sts'], exp: 2_000_000_000, iat: 1_900_000_000, jti: 'j', zone_id: 'z', client_id: 'app', sid: 's',
    root_sid: 's', use: 'session' as const, sub_type: 'application' as const,
  };

  it('are verified with the published key, and with no other', () => {
    const token = issue(claims, key);
    assert.deepEqual(verified(token, verificationKey(publicJwk(key))), claims);
    assert.equal(verified(token, verificationKey(publicJwk(signingKey('kid-1', newSigningKeyPem())))), undefined);
    assert.equal(peek(token)?.kid, 'kid-1');
  });

  it('tell what is no token', () => {
    for (const text of ['', 'abc', 'a.b.c', `${Buffer.from('{"alg":"none"}').toString('base64url')}.e30.`]) assert.equal(peek(text), undefined);
  });
});

describe('sealed secrets', () => {
  it('open with their own KEK and purpose only', () => {
    const kek = randomBytes(32);
    const envelope = seal(kek, 'content', 'zone_signing_key');
    assert.equal(envelope.subarray(0, 4).toString(), 'CSS1');
    assert.equal(open(kek, envelope, 'zone_signing_key'), 'content');
    assert.throws(() => open(kek, envelope, 'other'));
    assert.throws(() => open(randomBytes(32), envelope, 'zone_signing_key'), /sealed under a different KEK/);
  });
});

describe('signed requests from the Gateway to the STS', () => {
  const envelope = { timestamp: String(Math.floor(Date.now() / 1000)), nonce: 'n', method: 'POST', path: '/oauth/2/token', body: 'a=b' };

  it('are genuine with the key, the content and a time within a minute', () => {
    const signature = signGatewayRequest(KEY, envelope);
    assert.ok(isGatewayRequest(KEY, envelope, signature));
    assert.ok(!isGatewayRequest(randomBytes(32), envelope, signature));
    assert.ok(!isGatewayRequest(KEY, { ...envelope, body: 'a=c' }, signature));
    const old = { ...envelope, timestamp: String(Math.floor(Date.now() / 1000) - 90) };
    assert.ok(!isGatewayRequest(KEY, old, signGatewayRequest(KEY, old)));
  });
});
