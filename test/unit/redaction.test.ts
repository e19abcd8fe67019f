import { deepEqual, equal, match, notEqual, ok } from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { isOnlyMasks } from '../../src/redaction/mask.ts';
import { createRedactor } from '../../src/redaction/redactor.ts';
import { rules } from '../../src/redaction/rules.ts';

/** Characters of a secret that may not survive in a row. */
const piece = 12;

function survives(text: string, secret: string): boolean {
  if (secret.length <= piece) return text.includes(secret);
  for (let at = 0; at + piece <= secret.length; at += 1) {
    if (text.includes(secret.slice(at, at + piece))) return true;
  }
  return false;
}

const jwt = 'eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJyZWZ1bmRzLWJvdCJ9.c2lnbmF0dXJlLW9mLXRoZS10b2tlbg';
const pem = 'MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgbnV0cyBhbmQgYm9sdHM';
const hex = '5f2c9a10b3d4e8775f2c9a10b3d4e8775f2c9a10b3d4e8775f2c9a10b3d4e877';
const minted = `cat_${'aB3-x_'.repeat(7)}Z`;

/** By rule: texts with a secret that must go, and texts that must stay as they are. */
const table: Readonly<Record<keyof typeof rules, { secrets: readonly (readonly [text: string, secret: string])[]; harmless: readonly string[] }>> = {
  privateKeys: {
    secrets: [
      [`-----BEGIN PRIVATE KEY-----\n${pem}\n${pem}\n-----END PRIVATE KEY-----\nnext`, pem],
      [`key: -----BEGIN EC PRIVATE KEY-----\\n${pem}\\n-----END EC PRIVATE KEY-----\\n`, pem],
      [`-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\n${pem}`, pem],
      [`{"pem":"-----BEGIN OPENSSH PRIVATE KEY-----\\n${pem}"}`, pem],
    ],
    harmless: [
      `-----BEGIN CERTIFICATE-----\n${pem}\n-----END CERTIFICATE-----`,
      `-----BEGIN PUBLIC KEY-----\n${pem}\n-----END PUBLIC KEY-----`,
      'expected -----BEGIN PRIVATE KEY-----',
    ],
  },
  userInformation: {
    secrets: [
      ['postgresql://caracal:hunter2@postgres:5432/caracal', 'hunter2'],
      ['postgres://caracal:p@ss:w/rd%21@db.internal:5432/caracal?sslmode=require', 'p@ss:w/rd%21'],
      ['redis://:s3cret@redis:6379', 's3cret'],
      ['rediss://default:a/b@c@cache.example.org:6380/0 failed', 'a/b@c'],
      ['cannot reach "http://admin:let%20me@127.0.0.1:3000/ready"', 'let%20me'],
      ['https://user:pa/ss@host.example/x', 'pa/ss'],
      ['https://0123456789abcdef0123@github.example/x.git', '0123456789abcdef0123'],
      ['see http://a.example/?next=postgres://u:inner1@h/db', 'inner1'],
      ['jdbc:postgresql://u:jdbcpw1@h:5432/db', 'jdbcpw1'],
      ['"url":"postgres:\\/\\/u:slashed1@h\\/db"', 'slashed1'],
      ['amqp://u:amqp1@h', 'amqp1'],
    ],
    harmless: [
      'http://127.0.0.1:3000/ready',
      'postgresql://caracal@db:5432/caracal?sslmode=verify-full',
      'https://registry.example/@scope/package',
      'http://localhost:3000/users/ana@example.org',
      'ssh://git@example.org/repo.git',
      'redis://127.0.0.1:6379/0',
      'http://[::1]:3000/a@b',
      'postgres://user:${PASSWORD}@host/db',
      'mail ana@example.org: see https://example.org',
    ],
  },
  namedValues: {
    secrets: [
      ['POSTGRES_PASSWORD=hunter2', 'hunter2'],
      ['export METRICS_BEARER=q7Xk9', 'q7Xk9'],
      ['POSTGRES_PASSWORD=p&ss,w;rd)x', 'p&ss,w;rd)x'],
      ['  "REDIS_PASSWORD=a,b;c",', 'a,b;c'],
      ['{"password":"a \\"quoted\\" one"}', 'a \\"quoted\\" one'],
      ['{"msg":"{\\"password\\":\\"in\\\\\\"ner\\"}"}', 'in\\\\\\"ner'],
      ['{"clientSecret": "s-1"}', 's-1'],
      ['"access_token" : "abc123def"', 'abc123def'],
      [`"signingKey":\n  "${hex}"`, hex],
      ["host=db user=caracal password='it''s'", "it''s"],
      ['user=caracal password=hunter2 dbname=caracal', 'hunter2'],
      ['Server=db;Password=ado1;Database=x', 'ado1'],
      ['POST /oauth/2/token grant_type=x&client_secret=f0rm&scope=a', 'f0rm'],
      ['GET /callback?code=4/0AX4XfWh-0123456789&state=x', '4/0AX4XfWh-0123456789'],
      ['https://h.example/f?X-Amz-Signature=0123abcd&X-Amz-Date=20260820', '0123abcd'],
      ['password: hunter2', 'hunter2'],
      ['  - adminToken: q7Xk9abc', 'q7Xk9abc'],
      ['line one\\npassword=hunter2\\nline three', 'hunter2'],
      ['{User:caracal Password:hunter2}', 'hunter2'],
      ['login failed with password: hunter2!', 'hunter2!'],
      ["config['password'] = 'hunter2'", 'hunter2'],
      ['password="unclosed hunter2', 'hunter2'],
      ['streamsHmacKey=' + hex, hex],
      ['{"otp": 493021}', '493021'],
      ['secretStoreKek: ' + hex, hex],
      ['-e CARACAL_ADMIN_TOKEN=q7Xk9abc run', 'q7Xk9abc'],
      ['code_verifier=abcdefghijk-1234', 'abcdefghijk-1234'],
    ],
    harmless: [
      '{"token_type":"Bearer","expires_in":3600}',
      'session_id=0198c1d2-77aa-7c10-9f2e-3b8f90ae7001',
      'secret_backend_errors=3 secret_backend_reads=1200456',
      '{"tokens_issued":1200456,"token_count":12,"password_min_length":12}',
      'CARACAL_ADMIN_TOKEN_FILE=/run/secrets/caracalAdminToken',
      'panic: read secret file STREAMS_HMAC_KEY=/run/secrets/streamsHmacKey: open /run/secrets/streamsHmacKey: no such file or directory',
      'passwordFile: /run/secrets/postgresPassword',
      '{"error":"invalid_admin_token","code":"token_expired"}',
      'token=expired',
      'token: expired',
      'no admin token: how to give one',
      'password authentication failed for user "caracal"',
      'code=ECONNREFUSED code: 28P01',
      '{"public_key":"' + hex + '","key_id":"k-1"}',
      `manifest_sha256=${hex}`,
      'secretName: caracal-db, secretKeyRef: x',
      'PWD=/srv/caracal OLDPWD=/srv',
      'password=${POSTGRES_PASSWORD}',
      'password=<your password>',
      'password=***',
      'idempotency_key=0198c1d2-77aa-7c10-9f2e-3b8f90ae7001',
      'redis_unreachable: the token bucket is empty; key=value',
      'hmac=ok signature=invalid',
    ],
  },
  authorizationHeaders: {
    secrets: [
      ['Authorization: Bearer abc.def', 'abc.def'],
      ['authorization: Basic dXNlcjpwYXNz', 'dXNlcjpwYXNz'],
      ['{"authorization":"Bearer q7"}', 'q7'],
      ["curl -H 'Authorization: Bearer q7Xk9' http://h", 'q7Xk9'],
      ['Proxy-Authorization: Digest username="a", response="0123456789abcdef"', '0123456789abcdef'],
      ['Authorization: opaque123', 'opaque123'],
    ],
    harmless: ['Authorization: Bearer', 'the Authorization header is missing', 'Authorization: Bearer <token>', 'authorization: none'],
  },
  bareCredentials: {
    secrets: [
      ['bad credential Bearer q7Xk9abcd in call', 'q7Xk9abcd'],
      ['Basic dXNlcjpwYXNzd29yZA==', 'dXNlcjpwYXNzd29yZA=='],
      ['Bearer%20q7Xk9abcd', 'q7Xk9abcd'],
    ],
    harmless: ['Bearer METRICS_BEARER', 'Basic Authentication', 'bearer CARACAL_COORDINATOR_TOKEN only', 'a bearer credential is needed', 'Bearer invalid_token'],
  },
  cookies: {
    secrets: [
      ['Cookie: caracal_session=s1v2; theme=d', 's1v2'],
      ['set-cookie: sid=abc123; Path=/; HttpOnly', 'abc123'],
    ],
    harmless: ['Cookie: none', 'the cookie is missing', 'cookies=3'],
  },
  commandLines: {
    secrets: [
      ['redis-server --requirepass hunter2', 'hunter2'],
      ['redis-cli -h redis -a hunter2 ping', 'hunter2'],
      ['curl -u ana:hunter2 http://h', 'hunter2'],
      ['tool --password "hunter2"', 'hunter2'],
      ['requirepass "hunter2"', 'hunter2'],
      ['--token q7Xk9abc', 'q7Xk9abc'],
    ],
    harmless: ['--token-file /run/x', '--password is required', '--user 1000:1000', 'docker login --password-stdin x', 'redis-cli -p 6379 ping'],
  },
  passwordFiles: {
    secrets: [['db.internal:5432:caracal:caracal:hun:ter2', 'hun:ter2'], ['*:*:*:observer:hunter2', 'hunter2']],
    harmless: ['src/app.ts:12:5: error', '127.0.0.1:5432', '10:15:28.123'],
  },
  knownForms: {
    secrets: [
      [`mandate ${jwt} refused`, jwt],
      [`cut ${jwt.slice(0, 60)}...`, jwt.slice(0, 60)],
      [Buffer.from(jwt).toString('base64'), Buffer.from(jwt).toString('base64')],
      [`admin ${minted}`, minted],
      ['caracal_at_a1b2c3d4e5', 'caracal_at_a1b2c3d4e5'],
      ['caracal_rt_a1b2c3d4e5', 'caracal_rt_a1b2c3d4e5'],
      [`caracal_at_${jwt}`, jwt],
      ['ghp_0123456789abcdefghij0123456789abcdef', 'ghp_0123456789abcdefghij0123456789abcdef'],
      ['glpat-0123456789abcdefghij', 'glpat-0123456789abcdefghij'],
      ['AKIAIOSFODNN7EXAMPLE', 'AKIAIOSFODNN7EXAMPLE'],
      ['xoxb-1234567890-abcdef', 'xoxb-1234567890-abcdef'],
      ['sk-ant-api03-0123456789abcdef', 'sk-ant-api03-0123456789abcdef'],
      ['hvs.CAESIJ0123456789abcdef', 'hvs.CAESIJ0123456789abcdef'],
      ['npm_0123456789abcdefghij0123456789abcdef', 'npm_0123456789abcdefghij0123456789abcdef'],
      ['$2b$12$abcdefghijklmnopqrstuuABCDEFGHIJKLMNOPQRSTUVWXYZ01234', 'abcdefghijklmnopqrstuuABCDEFGHIJKLMNOPQRSTUVWXYZ01234'],
      ['SCRAM-SHA-256$4096:c2FsdA==$c3RvcmVk:c2VydmVy', 'c3RvcmVk:c2VydmVy'],
    ],
    harmless: [
      '0198c1d2-77aa-7c10-9f2e-3b8f90ae7001',
      `sha256:${hex}`,
      `ghcr.io/example/api@sha256:${hex}`,
      '1755699688123-0',
      '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
      'caracal.audit.events caracal_api_outbox_pending_total cat_videos',
      'caracal-sts-1 sk-learn-something eyJust',
      '2026-08-20T10:15:28.123Z',
      '28P01 42501 57014 NOAUTH Authentication required.',
    ],
  },
};

describe('redaction rules', () => {
  for (const [rule, { secrets, harmless }] of Object.entries(table)) {
    for (const [text, secret] of secrets) {
      it(`${rule}: masks the secret in ${JSON.stringify(text).slice(0, 70)}`, () => {
        const masked = createRedactor().text(text);
        ok(!survives(masked, secret), masked);
        match(masked, /‹[a-z-]+:[0-9a-f]{16}›/);
        ok([...(rules[rule]?.(text) ?? [])].length > 0, `${rule} itself finds nothing`);
      });
    }
    it(`${rule}: leaves ${harmless.length} harmless texts as they are`, () => {
      for (const text of harmless) equal(createRedactor().text(text), text);
    });
  }

  it('keeps what surrounds a secret', () => {
    const { text } = createRedactor();
    match(text('postgresql://caracal:hunter2@db:5432/caracal?sslmode=require'), /^postgresql:\/\/caracal:‹password:[0-9a-f]{16}›@db:5432\/caracal\?sslmode=require$/);
    match(text('Authorization: Bearer abc.def'), /^Authorization: Bearer ‹authorization:[0-9a-f]{16}›$/);
    match(text('set-cookie: sid=abc123; Path=/; HttpOnly'), /^set-cookie: sid=‹cookie:[0-9a-f]{16}›; Path=\/; HttpOnly$/);
    match(text('{"password":"x1","user":"ana"}'), /^\{"password":"‹password:[0-9a-f]{16}›","user":"ana"\}$/);
  });
});

describe('redaction of known values', () => {
  const secret = 'Zebra/9"x + ünï\'!';
  const forms: Readonly<Record<string, string>> = {
    literal: secret,
    base64: Buffer.from(secret).toString('base64'),
    'base64url without padding': Buffer.from(secret).toString('base64url'),
    'base64 of a text around it': Buffer.from(`user:${secret}`).toString('base64'),
    'base64 of a text around it, next alignment': Buffer.from(`user1:${secret}:tail`).toString('base64'),
    'base64 of a text around it, third alignment': Buffer.from(`user12:${secret}`).toString('base64url'),
    percent: encodeURIComponent(secret),
    'percent in lower case': encodeURIComponent(secret).replaceAll(/%../g, (byte) => byte.toLowerCase()),
    form: new URLSearchParams({ x: secret }).toString().slice(2),
    hex: Buffer.from(secret).toString('hex'),
    'upper-case hex': Buffer.from(secret).toString('hex').toUpperCase(),
    json: JSON.stringify(secret).slice(1, -1),
    'json in json': JSON.stringify(JSON.stringify(secret).slice(1, -1)).slice(1, -1),
    'json in ASCII': JSON.stringify(secret).slice(1, -1).replaceAll('ü', '\\u00fc').replaceAll('ï', '\\u00ef'),
    shell: `'${secret.replaceAll("'", `'\\''`)}'`,
    'double-quoted shell': secret.replaceAll(/["$`\\]/g, '\\$&'),
    'cut short': `${secret.slice(0, 11)}...`,
  };
  for (const [form, text] of Object.entries(forms)) {
    it(`masks the form ${form}`, () => {
      const redactor = createRedactor();
      redactor.learn(secret, 'admin token');
      const masked = redactor.text(`it said ${text} and went on`);
      match(masked, /^it said .*‹admin-token:[0-9a-f]{16}›.* and went on$/);
      ok(!survives(masked, text.replaceAll("'", '').slice(0, 14)), masked);
    });
  }

  it('gives one value one name, and another process another', () => {
    const redactor = createRedactor();
    redactor.learn('q7Xk9abcdef', 'admin token');
    const [one, two] = redactor.text(`q7Xk9abcdef ${Buffer.from('q7Xk9abcdef').toString('hex')}`).split(' ');
    equal(one, two);
    const other = createRedactor();
    other.learn('q7Xk9abcdef', 'admin token');
    notEqual(other.text('q7Xk9abcdef'), one);
  });

  it('masks the longest of overlapping values, and all of two that overlap in part', () => {
    const redactor = createRedactor();
    redactor.learn('secret-one-1', 'short');
    redactor.learn('secret-one-1-and-more', 'long');
    redactor.learn('more-and-beyond-2', 'other');
    match(redactor.text('x secret-one-1-and-more y'), /^x ‹long:[0-9a-f]{16}› y$/);
    match(redactor.text('secret-one-1-and-more-and-beyond-2'), /^‹long:[0-9a-f]{16}›$/);
  });

  it('masks a value that is a common word only where a password stands', () => {
    const redactor = createRedactor();
    redactor.learn('postgresql://caracal:caracal@postgres:5432/caracal', 'postgres url');
    equal(redactor.text('database caracal of caracal.audit.events'), 'database caracal of caracal.audit.events');
    ok(!redactor.text('postgresql://caracal:caracal@other/x').includes(':caracal@'));
    ok(!redactor.text('password=caracal').includes('=caracal'));
    ok(redactor.text('password=caracal').includes('‹password:'));
  });

  it('learns the password of a connection string with it, written and decoded', () => {
    const redactor = createRedactor();
    redactor.learn('postgresql://caracal:p%40ss%2Fw0rd@postgres:5432/caracal', 'postgres url');
    match(redactor.text('failed: p@ss/w0rd'), /^failed: ‹password:[0-9a-f]{16}›$/);
    match(redactor.text('failed: p%40ss%2Fw0rd'), /^failed: ‹password:[0-9a-f]{16}›$/);
    match(redactor.text('open postgresql://caracal:p%40ss%2Fw0rd@postgres:5432/caracal'), /^open ‹postgres-url:[0-9a-f]{16}›$/);
  });

  it('learns no address without a password, no mask and nothing empty', () => {
    const redactor = createRedactor();
    redactor.learn('redis://127.0.0.1:6379', 'redis url');
    redactor.learn('', 'nothing');
    redactor.learn('‹password:0123456789abcdef›', 'mask');
    const text = 'redis://127.0.0.1:6379 ‹password:0123456789abcdef›';
    equal(redactor.text(text), text);
  });
});

describe('redaction of JSON', () => {
  it('masks by name and by value, and keeps names, numbers and the shape', () => {
    const redactor = createRedactor();
    redactor.learn('q7Xk9abcdef', 'admin token');
    const value = redactor.json({
      token: 'another-1',
      token_type: 'Bearer',
      otp: 493021,
      count: 3,
      list: ['see q7Xk9abcdef', null, true],
      q7Xk9abcdef: 'as a name',
      env: [{ name: 'REDIS_PASSWORD', value: 'x' }, { name: 'Admin token', value: 'read, zone z1' }],
      jwk: { kty: 'EC', crv: 'P-256', x: 'public', d: 'private' },
      secret: { kind: 'Secret', data: { any: 'dmFsdWU=' } },
      headers: { authorization: 'Bearer x1', 'set-cookie': 'a=b' },
    });
    ok(isOnlyMasks(value.token));
    equal(value.token_type, 'Bearer');
    equal(value.otp, 493021);
    match(value.list[0] as string, /^see ‹admin-token:/);
    deepEqual(value.list.slice(1), [null, true]);
    ok(!Object.keys(value).some((name) => name.includes('q7Xk9')));
    ok(isOnlyMasks(value.env[0]?.value ?? ''));
    equal(value.env[1]?.value, 'read, zone z1');
    equal(value.jwk.x, 'public');
    ok(isOnlyMasks(value.jwk.d));
    ok(isOnlyMasks(value.secret.data.any));
    match(value.headers.authorization, /^Bearer ‹authorization:/);
    ok(isOnlyMasks(value.headers['set-cookie']));
    deepEqual(redactor.json(value), value);
  });

  it('withstands what is nested too deeply', () => {
    let nested: unknown = 'x';
    for (let depth = 0; depth < 100_000; depth += 1) nested = [nested];
    ok(JSON.stringify(createRedactor().json(nested)).includes('withheld'));
  });
});

/** A small generator with a seed, so that a failure can be repeated. */
function generator(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state % below;
  };
}

describe('redaction, properties', () => {
  const parts = [
    ...Object.values(table).flatMap(({ secrets, harmless }) => [...secrets.map(([text]) => text), ...harmless]),
    ...['password', 'token', '=', ':', ': ', '"', '\\"', "'", '@', '://', ' ', '\n', '‹', '›', '{', '}', '&', ';', 'Bearer ', 'eyJ', '.', '-', '‹password:0123456789abcdef›', 'q7Xk9abcdef'],
  ];
  const texts = Array.from({ length: 3_000 }, (_, seed) => {
    const below = generator(seed + 1);
    return Array.from({ length: 1 + below(8) }, () => parts[below(parts.length)] ?? '').join('');
  });

  it('changes nothing the second time', () => {
    const redactor = createRedactor();
    redactor.learn('q7Xk9abcdef', 'admin token');
    for (const text of texts) {
      const once = redactor.text(text);
      equal(redactor.text(once), once, JSON.stringify(text));
    }
  });

  it('keeps JSON readable', () => {
    const redactor = createRedactor();
    redactor.learn('q7Xk9abcdef', 'admin token');
    const rows = Object.values(table).flatMap(({ secrets, harmless }) => [...secrets.map(([text]) => text), ...harmless]);
    for (let seed = 0; seed < 3_000; seed += 1) {
      const below = generator(seed + 1);
      const text = Array.from({ length: 1 + below(4) }, () => rows[below(rows.length)] ?? '').join([' ', '\n', ', '][below(3)]);
      const line = JSON.stringify({ message: text, password: text, nested: JSON.stringify({ token: text }), after: 1 });
      equal((JSON.parse(redactor.text(line)) as { after: number }).after, 1, line);
    }
  });

  it('leaves ids, digests and figures of a deployment alone, byte for byte', () => {
    const redactor = createRedactor();
    redactor.learn(randomBytes(32).toString('hex'), 'admin token');
    const lines = Array.from({ length: 500 }, (_, index) => {
      const digest = createHash('sha256').update(String(index)).digest('hex');
      return `{"level":30,"time":${1_755_699_688_123 + index},"request_id":"${digest.slice(0, 8)}-77aa-7c10-9f2e-${digest.slice(8, 20)}","stream":"${1_755_699_688_123 + index}-${index}","image":"sha256:${digest}","msg":"request completed","statusCode":200}`;
    }).join('\n');
    equal(redactor.text(lines), lines);
  });

  const hostile: Readonly<Record<string, string>> = {
    letters: 'a',
    names: 'password=',
    'quoted names': '"password":"',
    'harmless values': 'token=a://',
    'unclosed quotes': `password='x" `,
    addresses: 'a://',
    'addresses with colons': 'a://b:c/',
    'at signs': 'a://b:@',
    dashes: '-----BEGIN PRIVATE KEY-----',
    tokens: 'eyJhbGciOi.',
    'tokens without a dot': 'eyJhbGciOi',
    headers: 'authorization:',
    cookies: 'cookie: a',
    'cookies without a value': 'cookie:;',
    schemes: 'Bearer+',
    options: '--token ',
    clients: 'redis-cli ',
    colons: 'a:1234:',
    masks: '‹password:0123456789abcdef›',
    'half masks': '‹password:',
    spaces: ' ',
    backslashes: '\\',
    values: 'q7Xk9abcdef',
    prefixes: 'q7Xk9abc',
    base64: Buffer.from('user:q7Xk9abcdef').toString('base64').replaceAll('=', ''),
  };
  for (const [name, unit] of Object.entries(hostile)) {
    it(`looks at a line of 1 MB of ${name} a bounded number of times`, function () {
      this.timeout(20_000);
      const text = unit.repeat(Math.ceil(1_000_000 / unit.length));
      const redactor = createRedactor();
      redactor.learn('q7Xk9abcdefghijkl', 'long token');
      redactor.learn('q7Xk9abcdef', 'admin token');
      const { calls, characters } = counted(() => redactor.text(text));
      ok(calls <= 3 * text.length + 1_000, `${calls} matches tried`);
      ok(characters <= 60 * text.length, `${characters} characters matched`);
    });
  }
});

/** Counts what regular expressions do: how often one is tried, and how many characters they match in all. */
function counted(work: () => void): { calls: number; characters: number } {
  const original = RegExp.prototype.exec;
  let calls = 0;
  let characters = 0;
  RegExp.prototype.exec = function (text) {
    const found = original.call(this, text);
    calls += 1;
    characters += found?.[0].length ?? 0;
    return found;
  };
  try {
    work();
  } finally {
    RegExp.prototype.exec = original;
  }
  return { calls, characters };
}
