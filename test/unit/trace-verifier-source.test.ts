import { deepEqual, equal, ok, rejects } from 'node:assert/strict';
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildExtension } from '../../scripts/build.ts';
import { noticesOf } from '../../scripts/lib/notices.ts';
import { parserFiles } from '../../src/trace/verifier/parsers.ts';
import { SourceReader } from '../../src/trace/verifier/sourceReader.ts';

const signal = new AbortController().signal;

describe('the thread that reads source', () => {
  /** Answers as the thread does, but that some files never come to an end and some end it. */
  const program = new URL(`data:text/javascript,${encodeURIComponent(`
    import { parentPort } from 'node:worker_threads';
    parentPort.on('message', ({ path }) => {
      if (path === 'endless.ts') for (;;);
      if (path === 'fatal.ts') throw new Error('out of memory');
      parentPort.postMessage(path === 'bad.ts' ? { kind: 'failure', message: 'no grammar' } : { kind: 'found', found: { verifiers: [], problem: path } });
    });
  `)}`);
  let reader: SourceReader;
  beforeEach(() => {
    reader = new SourceReader({ program, folder: '', deadlineMs: 500 });
  });
  afterEach(() => reader.close());
  const read = async (path: string): Promise<string | undefined> => (await reader.read({ path, text: '' }, signal)).problem;

  it('goes on after a file that takes too long, fails or ends it', async () => {
    const problems: unknown[] = [];
    for (const path of ['a.ts', 'endless.ts', 'b.ts', 'bad.ts', 'fatal.ts', 'c.ts']) problems.push(await read(path));
    deepEqual(problems, ['a.ts', 'endless.ts was not read: it takes longer than 0.5 s.', 'b.ts', 'bad.ts was not read: no grammar.', 'fatal.ts was not read: out of memory.', 'c.ts']);
  });

  it('ends when it is stopped, also in the midst of a file', async () => {
    const stop = new AbortController();
    const reason = new Error('stopped');
    equal(await read('a.ts'), 'a.ts');
    const reading = reader.read({ path: 'endless.ts', text: '' }, stop.signal);
    stop.abort(reason);
    await rejects(reading, (error) => error === reason);
    await rejects(reader.read({ path: 'a.ts', text: '' }, stop.signal), (error) => error === reason);
  });
});

describe('the built extension', () => {
  let dist: string;
  before(async () => {
    dist = await mkdtemp(join(tmpdir(), 'caracal-dist-'));
    await buildExtension({ dist, tell: () => undefined });
  });
  after(() => rm(dist, { recursive: true, force: true }));

  const sources: readonly (readonly [path: string, text: string, issuerAt: string])[] = [
    ['src/server.ts', 'import { createMandateVerifier } from \'@caracalai/verify\';\nconst verifier = createMandateVerifier({ issuer: \'https://sts.example\' });\n', 'src/server.ts:2:50'],
    ['lib/server.js', 'const { createMandateVerifier } = require(\'@caracalai/verify\');\nconst options = { issuer: "https://sts.example" };\ncreateMandateVerifier(options);\n', 'lib/server.js:2:27'],
    ['app/server.py', 'from caracalai_verify import AuthOptions, create_mandate_verifier\nverifier = create_mandate_verifier(AuthOptions(issuer="https://sts.example"))\n', 'app/server.py:2:55'],
    ['cmd/server.go', 'package main\n\nimport verify "github.com/garudex-labs/caracal/packages/verify/go"\n\nfunc main() {\n\tverify.NewVerifier(verify.Options{Issuer: "https://sts.example"})\n}\n', 'cmd/server.go:6:44'],
  ];

  it('reads source of each language, and leaves the thread of the host free', async () => {
    const reader = new SourceReader({ program: join(dist, 'verifiers.cjs'), folder: dist });
    let [longest, last] = [0, performance.now()];
    const turn = (): void => {
      longest = Math.max(longest, performance.now() - last);
      last = performance.now();
    };
    const timer = setInterval(turn, 1);
    try {
      const filler = Array.from({ length: 2000 }, (_, index) => `function handler${index}(a, b) { return a + b + ${index}; }\n`).join('');
      for (const [path, text, issuerAt] of [...sources, ['src/large.ts', `${filler}${sources[0]?.[1] ?? ''}`, 'src/large.ts:2002:50'] as const]) {
        const { verifiers: [verifier], problem } = await reader.read({ path, text }, signal);
        const { issuer } = verifier?.settings.named ?? {};
        deepEqual([problem, issuer?.kind === 'literal' ? issuer.value : issuer, `${String(issuer?.place?.file)}:${String(issuer?.place?.line)}:${String(issuer?.place?.column)}`], [undefined, 'https://sts.example', issuerAt]);
      }
      deepEqual(await reader.read({ path: 'src/other.ts', text: 'export {};\n' }, signal), { verifiers: [], problem: undefined });
      turn();
    } finally {
      clearInterval(timer);
      reader.close();
    }
    // It only posts texts; the rest is for a slow machine.
    ok(longest < 250, `${longest} ms`);
  });

  it('brings the parsers and the licences of what others wrote', async () => {
    const files = await readdir(dist);
    deepEqual(parserFiles.filter((file) => !files.includes(file)), []);
    const notices = await readFile(join(dist, 'NOTICES.txt'), 'utf8');
    for (const name of ['jose', 'zod', 'ioredis', 'pg', '@vscode/tree-sitter-wasm']) ok(new RegExp(`^${name} \\d`, 'm').test(notices), name);
    for (const line of ['tree-sitter and its grammars for Go, Python and TypeScript', 'Copyright (c) 2017 Max Brunsfeld (TypeScript and TSX)', 'Copyright (c) Microsoft Corporation.']) ok(notices.includes(line), line);
  });

  it('tells each package once', async () => {
    const notices = await noticesOf(['node_modules/jose/dist/webapi/index.js', 'node_modules/jose/dist/webapi/jws/flattened/verify.js', 'src/extension.ts']);
    deepEqual(notices.match(/^jose /gm)?.length, 1);
    ok(!notices.includes('zod'));
  });
});
