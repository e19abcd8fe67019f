import { deepEqual, equal, ok } from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { overridden } from '../../src/trace/verifier/setting.ts';
import type { Setting, Settings, SourcePlace, VerifierSettings } from '../../src/trace/verifier/setting.ts';
import { findVerifiers, languageOf, mayHaveVerifier } from '../../src/trace/verifier/settings.ts';
import { openParsers, parserFiles } from '../../src/trace/verifier/parsers.ts';
import type { Parsers } from '../../src/trace/verifier/syntax.ts';
import type { VerifierLanguage } from '../../src/caracal/verifiers.ts';

const folder = join(import.meta.dirname, '../../node_modules/@vscode/tree-sitter-wasm/wasm');
const paths: Readonly<Record<VerifierLanguage, string>> = { typescript: 'src/server.ts', python: 'app/server.py', go: 'cmd/server.go' };
let parsers: Parsers;
before(async () => {
  parsers = await openParsers(folder);
});

const shownSetting = (setting: Setting): string => {
  const value = setting.kind === 'literal' ? JSON.stringify(setting.value) : `computed ${setting.text}${setting.variable === undefined ? '' : ` (${setting.variable})`}${setting.known.length === 0 ? '' : ` knows ${setting.known.join(', ')}`}`;
  return `${value} ${shownPlace(setting.place)}`;
};
const shownPlace = (place: SourcePlace | undefined): string => (place === undefined ? 'nowhere' : `${place.line}:${place.column}`);
const shownSettings = ({ named, others }: Settings): Record<string, string> => ({
  ...Object.fromEntries(Object.entries(named).map(([name, setting]) => [name, shownSetting(setting)])),
  ...(others === undefined ? {} : { others: shownSetting(others) }),
});
const shown = ({ entry, place, route, settings }: VerifierSettings): [string, Record<string, string>] => [`${entry} ${shownPlace(place)}${route === undefined ? '' : ` ${route}`}`, shownSettings(settings)];
const find = async (language: VerifierLanguage, text: string) => findVerifiers({ path: paths[language], text }, parsers);

const sources: readonly (readonly [what: string, language: VerifierLanguage, text: string, found: readonly [string, Record<string, string>][]])[] = [
  ['createMandateVerifier', 'typescript', `import { createMandateVerifier } from '@caracalai/verify'

export const verifier = createMandateVerifier({
  issuer: 'https://sts.example',
  audience: \`billing-api\`,
  'zoneId': "0198f000",
  requiredScopes: ['invoice:read'],
  requiredTargets: [],
  requiredUse: 'session',
  requireSession: true,
  requireDelegation: false,
  requireChainContains: ['app-orders', 'app-billing'],
  maxHopCount: 3,
  revocations: new InMemoryRevocationStore(),
})
await verifier.warmup()
`, [['createMandateVerifier 3:25', {
    issuer: '"https://sts.example" 4:11', audience: '"billing-api" 5:13', zone: '"0198f000" 6:13', scopes: '["invoice:read"] 7:19', targets: '[] 8:20', use: '"session" 9:16', session: 'true 10:19',
    delegation: 'false 11:22', chain: '["app-orders","app-billing"] 12:25', hops: '3 13:16', revocations: '"new InMemoryRevocationStore" 14:16',
  }]]],
  ['what is computed', 'typescript', `import { createMandateVerifier as make } from '@caracalai/verify'
import { AUDIENCE } from './config.ts'
const revocations = await connect(redis)
let scope = 'a'
const verifier = make({
  issuer: process.env.CARACAL_ISSUER!,
  audience: AUDIENCE,
  zoneId: process.env['CARACAL_ZONE_ID'] ?? '0198f000',
  requiredScopes: [scope, 'invoice:read', ...more],
  maxHopCount: Number(process.env.MAX_HOPS),
  requireSession: process.env.A === process.env.B,
  requiredUse: \`res\${ource}\`,
  revocations,
} satisfies AuthDeps)
`, [['createMandateVerifier 5:18', {
    issuer: 'computed process.env.CARACAL_ISSUER! (CARACAL_ISSUER) 6:11', audience: 'computed AUDIENCE 7:13', zone: 'computed process.env[\'CARACAL_ZONE_ID\'] ?? \'0198f000\' (CARACAL_ZONE_ID) 8:11',
    scopes: 'computed [scope, \'invoice:read\', ...more] knows invoice:read 9:19', hops: 'computed Number(process.env.MAX_HOPS) (MAX_HOPS) 10:16', session: 'computed process.env.A === process.env.B 11:19', use: 'computed `res${ource}` 12:16', revocations: '"connect" 13:3',
  }]]],
  ['constants of the file', 'typescript', `import * as verify from '@caracalai/verify';
const ISSUER = 'https://sts.example' as const;
const zone = { id: '0198f000', name: 'prod' };
const READ = 'invoice:read', BOTH = [READ, 'invoice:write'];
const shared = { issuer: ISSUER, maxHopCount: -1 };
const options: AuthDeps = { ...shared, audience: 'billing-api', zoneId: zone.id, requiredScopes: BOTH, revocations: undefined };
const verifier = verify.createMandateVerifier(options);
function other(audience: string) { const twice = 1; return () => { const twice = 2; }; }
`, [['createMandateVerifier 7:25', {
    issuer: '"https://sts.example" 2:16', hops: '-1 5:47', audience: '"billing-api" 6:50', zone: '"0198f000" 3:20', scopes: '["invoice:read","invoice:write"] 4:37', revocations: 'null 6:117',
  }]]],
  ['doubt about a constant', 'typescript', `const options = { issuer: 'a', audience: 'b' };
options.audience = process.env.AUDIENCE;
const twice = 'x';
const verifier = createMandateVerifier({ ...options, zoneId: twice });
function f(twice) { twice.audience = 'c'; }
const loop = loop; const other = other.other;
const w = createMandateVerifier({ issuer: loop, audience: other.other, [key]: 1, requiredScopes: null });
`, [
    ['createMandateVerifier 4:18', { issuer: '"a" 1:27', audience: 'computed options.audience = process.env.AUDIENCE (AUDIENCE) 2:1', zone: 'computed twice 4:62' }],
    ['createMandateVerifier 7:11', { others: 'computed [key]: 1 7:72', scopes: 'null 7:98' }],
  ]],
  ['odd ways to write a value', 'typescript', `createMandateVerifier({ maxHopCount: (1_0), issuer: (/* the STS */ 'i'), requiredUse: '\\u0041', requireSession: !0 })
createMandateVerifier({ maxHopCount: 0x10, issuer: \`i\`, audience: 'a' + 'b', zoneId: 5 })
`, [
    ['createMandateVerifier 1:1', { hops: '10 1:39', issuer: '"i" 1:68', use: 'computed \'\\u0041\' 1:87', session: 'computed !0 1:113' }],
    ['createMandateVerifier 2:1', { hops: 'computed 0x10 2:38', issuer: '"i" 2:52', audience: 'computed \'a\' + \'b\' 2:67', zone: '5 2:86' }],
  ]],
  ['settings from elsewhere', 'typescript', `const a = createMandateVerifier(loadOptions());
const b = createMandateVerifier({ issuer: 'hidden', ...loadOptions(), audience: 'billing-api' });
const c = createMandateVerifier();
`, [
    ['createMandateVerifier 1:11', { others: 'computed loadOptions() 1:33' }],
    ['createMandateVerifier 2:11', { others: 'computed loadOptions() 2:56', audience: '"billing-api" 2:81' }],
    ['createMandateVerifier 3:11', {}],
  ]],
  ['routes of Express', 'typescript', `import { caracalAuth } from '@caracalai/express'
const verifier = createMandateVerifier({ issuer: 'https://sts.example', audience: 'billing-api', zoneId: 'z', requireSession: true, revocations: new Store() })
app.use('/reports', caracalAuth({ verifier }, { requiredScopes: ['report:read'], requireSession: false }))
app.post('/payouts', caracalAuth({ issuer: 'i', audience: 'a', zoneId: 'z', revocations }, { requireDelegation: true }), handler)
app.get('/other', caracalAuth({ verifier: imported }))
`, [
    ['createMandateVerifier 2:18', { issuer: '"https://sts.example" 2:50', audience: '"billing-api" 2:83', zone: '"z" 2:106', session: 'true 2:127', revocations: '"new Store" 2:146' }],
    ['caracalAuth 3:21 /reports', { issuer: '"https://sts.example" 2:50', audience: '"billing-api" 2:83', zone: '"z" 2:106', session: 'false 3:98', revocations: '"new Store" 2:146', scopes: '["report:read"] 3:65' }],
    ['caracalAuth 4:22 /payouts', { issuer: '"i" 4:44', audience: '"a" 4:59', zone: '"z" 4:72', revocations: 'computed revocations 4:77', delegation: 'true 4:113' }],
    ['caracalAuth 5:19 /other', { others: 'computed imported 5:43' }],
  ]],
  ['overrides', 'typescript', `import { createMandateVerifier, authenticate, authenticateRequest } from '@caracalai/verify'
import { verifier as shared } from './verifier.ts'
const verifier = createMandateVerifier({ issuer: 'i', requiredScopes: ['a'] })
const strict = verifier.require({ requireSession: true }).require({ maxHopCount: 2 })
await strict.authorization(header, { requiredScopes: ['b'] })
await verifier.authenticate(token)
await shared.require({ requiredTargets: ['billing-api'] })
await authenticateRequest(request, { issuer: 'r' })
await authenticate(token, { issuer: 't' })
joi.require({ presence: 'x' }); require('./x'); passport.authenticate('jwt', { session: false })
`, [
    ['createMandateVerifier 3:18', { issuer: '"i" 3:50', scopes: '["a"] 3:71' }],
    ['require 4:25', { issuer: '"i" 3:50', scopes: '["a"] 3:71', session: 'true 4:51' }],
    ['require 4:59', { issuer: '"i" 3:50', scopes: '["a"] 3:71', session: 'true 4:51', hops: '2 4:82' }],
    ['authorization 5:14', { issuer: '"i" 3:50', scopes: '["b"] 5:54', session: 'true 4:51', hops: '2 4:82' }],
    ['require 7:14', { others: 'computed shared 7:7', targets: '["billing-api"] 7:41' }],
    ['authenticateRequest 8:7', { issuer: '"r" 8:46' }],
    ['authenticate 9:7', { issuer: '"t" 9:37' }],
  ]],
  ['FastMCP', 'typescript', `import { verifyFastMcpToken } from '@caracalai/fastmcp'
const verifier = createMandateVerifier({ issuer: 'i' })
const context = await verifyFastMcpToken(token, verifier, { requiredScopes: ['mcp:tool:call'] })
const other = await verifyFastMcpToken(token, { issuer: 'o' })
`, [
    ['createMandateVerifier 2:18', { issuer: '"i" 2:50' }],
    ['verifyFastMcpToken 3:23', { issuer: '"i" 2:50', scopes: '["mcp:tool:call"] 3:77' }],
    ['verifyFastMcpToken 4:21', { issuer: '"o" 4:57' }],
  ]],
  ['create_mandate_verifier', 'python', `from caracalai_verify import AuthOptions, create_mandate_verifier

AUDIENCE: Final = "https://api." "example"
verifier = create_mandate_verifier(
    AuthOptions(
        issuer="https://sts.example",
        audience=AUDIENCE,
        expected_zone_id=os.environ["CARACAL_ZONE_ID"],
        required_scopes=["invoice:read", SCOPE],
        required_targets=(),
        required_use=None,
        require_session=True,
        max_hop_count=3,
        revocations=InMemoryRevocationStore(),
    )
)
strict = verifier.require(require_delegation=True, requires_scopes=["typo"])
result = await verifier.authorization(header, required_scopes=["invoice:write"])
result = await verifier.authenticate(token)
`, [
    ['create_mandate_verifier 4:12', {
      issuer: '"https://sts.example" 6:16', audience: '"https://api.example" 3:19', zone: 'computed os.environ["CARACAL_ZONE_ID"] (CARACAL_ZONE_ID) 8:26', scopes: 'computed ["invoice:read", SCOPE] knows invoice:read 9:25', targets: '[] 10:26',
      use: 'null 11:22', session: 'true 12:25', hops: '3 13:23', revocations: '"InMemoryRevocationStore" 14:21',
    }],
    ['require 17:19', {
      issuer: '"https://sts.example" 6:16', audience: '"https://api.example" 3:19', zone: 'computed os.environ["CARACAL_ZONE_ID"] (CARACAL_ZONE_ID) 8:26', scopes: 'computed ["invoice:read", SCOPE] knows invoice:read 9:25', targets: '[] 10:26',
      use: 'null 11:22', session: 'true 12:25', hops: '3 13:23', revocations: '"InMemoryRevocationStore" 14:21', delegation: 'true 17:46',
    }],
    ['authorization 18:25', {
      issuer: '"https://sts.example" 6:16', audience: '"https://api.example" 3:19', zone: 'computed os.environ["CARACAL_ZONE_ID"] (CARACAL_ZONE_ID) 8:26', scopes: '["invoice:write"] 18:63', targets: '[] 10:26',
      use: 'null 11:22', session: 'true 12:25', hops: '3 13:23', revocations: '"InMemoryRevocationStore" 14:21',
    }],
  ]],
  ['MandateVerifier', 'python', `import caracalai_verify
from caracalai_verify import MandateVerifier as Verifier
options = caracalai_verify.AuthOptions("i", r"a\\d", store, "z", ["s"])
class Server:
    verifier: Verifier
    def __init__(self, other):
        self.verifier = Verifier(options)
        self.other = caracalai_verify.create_mandate_verifier(other)
        self.third = Verifier(defaults=load())
`, [
    ['MandateVerifier 7:25', { issuer: '"i" 3:40', audience: '"a\\\\d" 3:45', revocations: 'computed store 3:53', zone: '"z" 3:60', scopes: '["s"] 3:65' }],
    ['create_mandate_verifier 8:39', { others: 'computed other 8:63' }],
    ['MandateVerifier 9:22', { others: 'computed load() 9:40' }],
  ]],
  ['CaracalASGIAuth', 'python', `from caracalai_asgi import CaracalASGIAuth
app.add_middleware(
    CaracalASGIAuth,
    audience="billing-api",
    revocations=RedisRevocationStore(redis),
    required_scopes=["billing:read"],
    routes={
        "/payouts": {"required_scopes": ["billing:payout"], "require_delegation": True, "nonsense": 1},
        PREFIX: {},
        "/more": dict(require_session=True),
        "/read": LOADED,
    },
    exclude=["/healthz", OTHER],
)
`, [
    ['CaracalASGIAuth 3:5', { issuer: 'computed CARACAL_STS_URL (CARACAL_STS_URL) 3:5', audience: '"billing-api" 4:14', zone: 'computed CARACAL_ZONE_ID (CARACAL_ZONE_ID) 3:5', revocations: '"RedisRevocationStore" 5:17', scopes: '["billing:read"] 6:21' }],
    ['CaracalASGIAuth 8:9 /payouts', { issuer: 'computed CARACAL_STS_URL (CARACAL_STS_URL) 3:5', audience: '"billing-api" 4:14', zone: 'computed CARACAL_ZONE_ID (CARACAL_ZONE_ID) 3:5', revocations: '"RedisRevocationStore" 5:17', scopes: '["billing:payout"] 8:41', delegation: 'true 8:83' }],
    ['CaracalASGIAuth 10:9 /more', { issuer: 'computed CARACAL_STS_URL (CARACAL_STS_URL) 3:5', audience: '"billing-api" 4:14', zone: 'computed CARACAL_ZONE_ID (CARACAL_ZONE_ID) 3:5', revocations: '"RedisRevocationStore" 5:17', scopes: '["billing:read"] 6:21', session: 'true 10:39' }],
    ['CaracalASGIAuth 11:9 /read', { others: 'computed LOADED 11:18' }],
  ]],
  ['CaracalASGIAuth around an app', 'python', `app = CaracalASGIAuth(app, issuer="https://sts.example", expected_zone_id=None, audience=f"{x}", **more)
wrapped = Middleware(caracalai_asgi.CaracalASGIAuth, audience="b", issuer=os.getenv("STS", "x"), revocations=None)
`, [
    ['CaracalASGIAuth 1:7', { others: 'computed more 1:100' }],
    ['CaracalASGIAuth 2:37', { audience: '"b" 2:63', issuer: 'computed os.getenv("STS", "x") (STS) 2:75', revocations: 'null 2:110', zone: 'computed CARACAL_ZONE_ID (CARACAL_ZONE_ID) 2:37' }],
  ]],
  ['CaracalAuth and authenticate', 'python', `from caracalai_fastmcp import CaracalAuth
from caracalai_verify import authenticate as check
auth = CaracalAuth("https://sts.example", "billing-api", store, ["mcp:tool:call"], expected_zone_id="z")
async def verify(token):
    return await check(token, issuer="i", audience="a", required_scopes=[], expected_zone_id=ZONE, revocations=store)
ZONE = "z"
ZONE = "y"
`, [
    ['CaracalAuth 3:8', { issuer: '"https://sts.example" 3:20', audience: '"billing-api" 3:43', revocations: 'computed store 3:58', scopes: '["mcp:tool:call"] 3:65', zone: '"z" 3:101' }],
    ['authenticate 5:18', { issuer: '"i" 5:38', audience: '"a" 5:52', scopes: '[] 5:73', zone: 'computed ZONE 5:94', revocations: 'computed store 5:112' }],
  ]],
  ['verify.NewVerifier', 'go', `package main

import (
	"os"

	nethttp "github.com/garudex-labs/caracal/packages/adapters/nethttp/go"
	revocation "github.com/garudex-labs/caracal/packages/revocation/go"
	"github.com/garudex-labs/caracal/packages/verify/go"
)

const (
	issuer = "https://sts.example"
	zone   = \`0198f000\`
)

var audience = "set by the linker"

func main() {
	revocations := revocation.NewInMemoryStore(24 * time.Hour)
	opts := verify.Options{
		Issuer:          issuer,
		Audience:        audience,
		ZoneID:          zone,
		RequiredScopes:  []string{"invoice:read", os.Getenv("SCOPE")},
		RequireSession:  true,
		MaxHopCount:     -1,
		Revocations:     revocations,
	}
	verifier := verify.NewVerifier(opts)
	mux.Handle("GET /reports", nethttp.VerifierMiddleware(verifier.Require(verify.Options{
		ZoneID:          "never",
		RequiredScopes:  []string{},
		RequiredTargets: []string{"billing-api"},
		RequireSession:  false,
		MaxHopCount:     0,
	}))(handler))
}
`, [
    ['NewVerifier 29:21', { issuer: '"https://sts.example" 12:11', audience: 'computed audience 22:20', zone: '"0198f000" 13:11', scopes: 'computed []string{"invoice:read", os.Getenv("SCOPE")} (SCOPE) knows invoice:read 24:20', session: 'true 25:20', hops: '-1 26:20', revocations: '"revocation.NewInMemoryStore" 27:20' }],
    ['VerifierMiddleware 30:37 GET /reports', { issuer: '"https://sts.example" 12:11', audience: 'computed audience 22:20', zone: '"0198f000" 13:11', scopes: '[] 32:20', session: 'true 25:20', hops: '-1 26:20', revocations: '"revocation.NewInMemoryStore" 27:20', targets: '["billing-api"] 33:20' }],
    ['Require 30:65 GET /reports', { issuer: '"https://sts.example" 12:11', audience: 'computed audience 22:20', zone: '"0198f000" 13:11', scopes: '[] 32:20', session: 'true 25:20', hops: '-1 26:20', revocations: '"revocation.NewInMemoryStore" 27:20', targets: '["billing-api"] 33:20' }],
  ]],
  ['nethttp.Middleware', 'go', `package main

import (
	nh "github.com/garudex-labs/caracal/packages/adapters/nethttp/go"
	verify "github.com/garudex-labs/caracal/packages/verify/go"
)

func routes(opts verify.Options, shared *verify.Verifier) {
	http.Handle("/a", nh.Middleware(nh.Options{Issuer: os.Getenv("CARACAL_STS_URL"), Audience: "a", ZoneID: "", Revocations: nil})(handler))
	http.Handle("/b", nh.Middleware(opts)(handler))
	later := verify.Options{Audience: "a"}
	later.Audience = load()
	_, err := verify.Authenticate(token, later)
	_, err = shared.AuthorizationContext(ctx, header, verify.Options{RequiredUse: "session"})
	_, err = other.Authenticate(token, "x")
	other.Require(t, true)
}
`, [
    ['Middleware 9:23 /a', { issuer: 'computed os.Getenv("CARACAL_STS_URL") (CARACAL_STS_URL) 9:53', audience: '"a" 9:93', zone: '"" 9:106', revocations: 'null 9:123' }],
    ['Middleware 10:23 /b', { others: 'computed opts 10:34' }],
    ['Authenticate 13:19', { audience: 'computed later.Audience = load() 12:2' }],
    ['AuthorizationContext 14:18', { others: 'computed shared 14:11', use: '"session" 14:80' }],
  ]],
];

describe('settings of a verifier', () => {
  for (const [what, language, text, expected] of sources) {
    it(`${language}: ${what}`, async () => {
      const { verifiers, problem } = await find(language, text);
      equal(problem, undefined);
      deepEqual(verifiers.map(shown), expected);
      ok(verifiers.every((one) => one.language === language && one.place?.file === paths[language]));
    });
  }

  it('names overrides that Python ignores, and paths that are not guarded', async () => {
    const { verifiers } = await find('python', 'v = create_mandate_verifier(o)\nv.require(requires_scopes=["a"], require_session=True)\napp.add_middleware(CaracalASGIAuth, audience="a", routes={"/x": {"scopes": []}}, exclude=["/healthz", OTHER])\n');
    deepEqual(verifiers.map(({ ignored, exclude }) => [ignored.map(({ name, place }) => `${name} ${place.line}:${place.column}`), exclude]), [
      [[], []], [['requires_scopes 2:11'], []], [[], ['/healthz']], [['scopes 3:66'], ['/healthz']],
    ]);
  });

  const irrelevant: readonly (readonly [path: string, text: string])[] = [
    ['README.md', 'createMandateVerifier({ issuer: "x" })'],
    ['src/other.ts', 'export const x = require("./y"); app.use(passport.authenticate("jwt"));'],
    ['src/words.ts', '// createMandateVerifier({ issuer: "x" })\nconst a = \'caracalAuth({})\';\nexport type { caracalAuth } from "x";'],
    ['app/other.py', 'from django.contrib.auth import authenticate\nauthenticate(request, username="x")\n# CaracalAuth("x")\ntext = "create_mandate_verifier(AuthOptions())"'],
    ['app/types.py', 'from caracalai_verify import MandateVerifier\ndef f(v: MandateVerifier) -> MandateVerifier: return v\n'],
    ['cmd/other.go', 'package main\nimport verify "example.com/verify"\nfunc main() { verify.NewVerifier(verify.Options{Issuer: "x"}) }'],
    ['cmd/only.go', 'package main\nimport verify "github.com/garudex-labs/caracal/packages/verify/go"\n// verify.NewVerifier(verify.Options{})\nvar code verify.ErrorCode'],
    ['empty.ts', ''],
  ];
  for (const [path, text] of irrelevant) it(`are not in ${path}`, async () => deepEqual(await findVerifiers({ path, text }, parsers), { verifiers: [], problem: undefined }));

  it('are looked for by the ending of the name', () => {
    const names = ['a.ts', 'a.tsx', 'a.mts', 'a.cjs', 'a.jsx', 'a.py', 'a.go', 'a.pyc', 'a.rs', 'ts', 'a.ts.txt'];
    deepEqual(names.map(languageOf), ['typescript', 'typescript', 'typescript', 'typescript', 'typescript', 'python', 'go', undefined, undefined, undefined, undefined]);
    deepEqual([mayHaveVerifier('typescript', 'v.require({ requiredScopes: [] })'), mayHaveVerifier('go', 'package main'), mayHaveVerifier('python', 'import caracalai_asgi')], [true, false, true]);
  });

  const broken: readonly (readonly [VerifierLanguage, string, line: number])[] = [
    ['typescript', 'const v = createMandateVerifier({ issuer: \'i\', audience: , zoneId: [\'z\' })\nconst w = createMandateVerifier({ issuer: \'j\' })\n', 1],
    ['typescript', 'const v = createMandateVerifier({ issuer: (), audience: \'a\' })\n', 1],
    ['python', 'v = create_mandate_verifier(AuthOptions(issuer="i", audience=))\nw = create_mandate_verifier(AuthOptions(issuer="j"))\n', 1],
    ['go', 'package main\nimport verify "github.com/garudex-labs/caracal/packages/verify/go"\nfunc main() {\n\tv := verify.NewVerifier(verify.Options{Issuer: })\n}\n', 4],
  ];
  for (const [language, text, line] of broken) {
    it(`${language}: are not guessed from source that cannot be parsed`, async () => {
      const { verifiers, problem } = await find(language, text);
      equal(problem, `${paths[language]} has a syntax error at line ${line}: what stands near it may be missing.`);
      ok(verifiers.every(({ settings: { named }, place }) => place?.line !== line || Object.keys(named).length === 0), JSON.stringify(verifiers.map(shown)));
    });
  }

  it('are not looked for in source that nobody wrote', async () => {
    const { verifiers, problem } = await find('typescript', `createMandateVerifier({})${' '.repeat(512 * 1024)}`);
    deepEqual([verifiers, problem], [[], 'src/server.ts was not read: it has more than 512 KB.']);
  });

  it('are not read from what a hostile file nests without end', async () => {
    const deep = `createMandateVerifier(${'['.repeat(20_000)}${']'.repeat(20_000)})`;
    const { verifiers } = await find('typescript', deep);
    deepEqual(verifiers.map(({ settings }) => Object.keys(settings.named)), [[]]);
  });

  const circles: readonly (readonly [VerifierLanguage, string])[] = [
    ['typescript', 'const o = { ...o, ...p }; const p = { ...o, ...o, issuer: p.issuer };\nconst v = createMandateVerifier(v); const w = w.require(w); const x = createMandateVerifier({ ...o, ...p });\nconst a = b.c; const b = { c: a }; createMandateVerifier({ issuer: a });'],
    ['python', 'D = dict(**D)\nE = {**E, **D, **E}\nv = create_mandate_verifier(v)\nw = w.require(**E)\nx = CaracalAuth(**E)\nA = B\nB = A\ny = CaracalAuth(issuer=A)\n'],
    ['go', 'package main\nimport verify "github.com/garudex-labs/caracal/packages/verify/go"\nfunc main() {\n\tv := verify.NewVerifier(v)\n\tw := w.Require(verify.Options{})\n\ta := b\n\tb := a\n\tverify.NewVerifier(verify.Options{Issuer: a})\n}\n'],
  ];
  for (const [language, text] of circles) {
    it(`${language}: are not looked for in a circle`, async () => {
      const { verifiers } = await find(language, text);
      ok(verifiers.length > 2 && verifiers.every(({ settings: { named, others } }) => others !== undefined || named.issuer?.kind === 'computed'), JSON.stringify(verifiers.map(shown)));
    });
  }

  it('are read in time where a hostile file has very many', async () => {
    const text = `${Array.from({ length: 8 }, (_, index) => `const o${index} = { ${Array.from({ length: 40 }, () => `...o${index + 1}`).join(', ')} };`).join('\n')}\nconst o8 = {};\n${'createMandateVerifier({ ...o0, issuer: a.b, zoneId: x });\n'.repeat(5000)}`;
    const started = performance.now();
    await find('typescript', text);
    ok(performance.now() - started < 10_000);
  });

  const large: readonly (readonly [VerifierLanguage, line: (index: number) => string, rest: string])[] = [
    ['typescript', (index) => `export function handler${index}(request: Request, reply: Reply): number { return request.value + ${index}; }`, 'const verifier = createMandateVerifier({ issuer: \'https://sts.example\' });\n'],
    ['python', (index) => `def handler${index}(request, reply): return request.value + reply.value * ${index}`, 'verifier = create_mandate_verifier(AuthOptions(issuer="https://sts.example"))\n'],
    ['go', (index) => `func handler${index}(w http.ResponseWriter, r *http.Request) { w.WriteHeader(${index}) }`, 'func main() { verify.NewVerifier(verify.Options{Issuer: "https://sts.example"}) }\n'],
  ];
  for (const [language, line, rest] of large) {
    it(`${language}: are found in 5,000 lines without holding the thread`, async () => {
      const head = language === 'go' ? 'package main\nimport verify "github.com/garudex-labs/caracal/packages/verify/go"\n' : '';
      const text = `${head}${Array.from({ length: 5000 }, (_, index) => line(index)).join('\n')}\n${rest}`;
      await find(language, rest);
      let longest = 0;
      let last = performance.now();
      const turn = (): void => {
        longest = Math.max(longest, performance.now() - last);
        last = performance.now();
      };
      const timer = setInterval(turn, 1);
      try {
        const { verifiers } = await find(language, text);
        turn();
        deepEqual(verifiers.map(({ settings }) => settings.named.issuer?.kind), ['literal']);
      } finally {
        clearInterval(timer);
      }
      // 15 ms is what a slice may take; the rest is for a slow machine.
      ok(longest < 250, `${longest} ms`);
    });
  }

  it('need files that are there', async () => {
    for (const file of parserFiles) ok(readFileSync(join(folder, file)).length > 0);
    const asked = findVerifiers({ path: 'a.ts', text: 'createMandateVerifier()' }, { parse: () => Promise.reject(new Error('no grammar')) });
    equal(await asked.then(() => 'read', (error: unknown) => (error instanceof Error ? error.message : '')), 'no grammar');
  });
});

describe('an override', () => {
  const place = { file: 'a', line: 1, column: 1 };
  const literal = (value: string | number | boolean | null | readonly string[]): Setting => ({ kind: 'literal', value, place });
  const computed: Setting & { kind: 'computed' } = { kind: 'computed', text: 'x', variable: undefined, known: [], place };
  const base: Settings = { named: { zone: literal('z'), use: literal('resource'), session: literal(true), hops: literal(3), scopes: literal(['a']) }, others: undefined };
  const cases: readonly (readonly [what: string, language: VerifierLanguage, by: Settings, expected: Record<string, string>])[] = [
    ['replaces', 'typescript', { named: { session: literal(false), scopes: literal([]), use: literal(null), zone: literal('y') }, others: undefined }, { zone: '"y"', use: 'null', session: 'false', hops: '3', scopes: '[]' }],
    ['replaces', 'python', { named: { hops: literal(0) }, others: undefined }, { zone: '"z"', use: '"resource"', session: 'true', hops: '0', scopes: '["a"]' }],
    ['hides everything where it is not known', 'typescript', { named: { hops: literal(1) }, others: computed }, { hops: '1', others: 'computed x' }],
    ['that is empty changes nothing', 'go', { named: { zone: literal('y'), use: literal(''), session: literal(false), hops: literal(0), scopes: literal(null) }, others: undefined }, { zone: '"z"', use: '"resource"', session: 'true', hops: '3', scopes: '["a"]' }],
    ['counts where it is not empty', 'go', { named: { use: literal('session'), delegation: literal(true), hops: literal(5), scopes: literal([]), session: computed }, others: undefined }, { zone: '"z"', use: '"session"', session: 'true', hops: '5', scopes: '[]', delegation: 'true' }],
    ['leaves the zone and what is on where it is not known', 'go', { named: {}, others: computed }, { zone: '"z"', session: 'true', others: 'computed x' }],
  ];
  for (const [what, language, by, expected] of cases) {
    it(`${language}: ${what}`, () => deepEqual(Object.fromEntries(Object.entries(shownSettings(overridden(base, by, language))).map(([name, value]) => [name, value.replace(/ 1:1$/, '')])), expected));
  }
});
