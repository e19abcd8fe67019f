import { builtinModules } from 'node:module';
import { importX } from 'eslint-plugin-import-x';
import tseslint from 'typescript-eslint';

/**
 * The rooms of `src/` and the rooms that each may import from. A room may name only rooms above it
 * in this list, so that no two rooms can ever import each other.
 *
 * @type {ReadonlyMap<string, readonly string[]>}
 */
const rooms = new Map([
  ['model', []],
  ['caracal', ['model']],
  ['diagnosis', ['model', 'caracal']],
  ['redaction', []],
  ['targets', ['model', 'caracal', 'redaction']],
  ['watch', ['redaction', 'targets']],
  ['logs', ['model', 'caracal', 'redaction', 'targets']],
  ['trace', ['model', 'caracal', 'redaction', 'targets', 'logs']],
  ['flow', ['model', 'caracal', 'diagnosis', 'redaction', 'targets', 'watch', 'logs']],
  ['remedies', ['model', 'caracal', 'diagnosis', 'redaction', 'targets', 'flow']],
  ['ui', ['model', 'caracal', 'diagnosis', 'redaction', 'targets', 'watch', 'logs', 'trace', 'flow', 'remedies']],
  ['cli', ['model', 'caracal', 'diagnosis', 'redaction', 'targets', 'flow', 'remedies']],
]);

const names = [...rooms.keys()];
for (const [room, others] of rooms) {
  const below = others.find((other) => names.indexOf(other) >= names.indexOf(room));
  if (below !== undefined) throw new Error(`${room} may not import from ${below}: it stands below it in the list`);
}

/**
 * Files that send whatever they are told, and who may use them: the clients that only read, and the one file that may change
 * a deployment. That file is told what the user has agreed to by its entry alone, which only ui/ and cli/ load.
 *
 * @type {ReadonlyMap<string, readonly string[]>}
 */
const senders = new Map([
  ['targets/compose/wire.ts', ['transport', 'run']],
  ['targets/endpoints/wire.ts', ['http', 'run']],
  ['targets/kubernetes/wire.ts', ['reader', 'run']],
  ['remedies/run.ts', ['service']],
]);

/** What the page of a panel may know of the extension: the words of its story and of its messages. */
const panelWords = ['trace/story.ts', 'trace/panelMessages.ts', 'ui/cause/causeMessages.ts'];

/** Files that only compute: the same input gives the same output, in any host. */
const pure = [
  'src/model/**',
  'src/caracal/**',
  'src/diagnosis/**',
  'src/**/*.checks.ts',
  'src/watch/pace.ts',
  'src/remedies/!(run|service).ts',
  'src/logs/{cursor,display,filter,findings,grouping,harmless,hub,index,known,marks,merge,notes,probes,record,scan,search,shape,tail,view}.ts',
  'src/trace/{approvalSection,auditEvent,capture,delegationSection,failedCalls,holds,hopsSection,jsonIn,liveness,mandate,markdown,named,outcome,proposal,recognise,refusal,requestIds,seen,stitching,story,tell,timeline,trace,words}.ts',
  'src/trace/verifier/{compare,configured,explanation,findings,go,issuer,python,section,setting,settings,signature,syntax,typescript}.ts',
  'src/webview/{choice,logPages,text,timelineLayout,timelineScale,timelineWords,times}.ts',
  'src/trace/{explanationSection,inSpite,policySection,replayInput,revocation,sectionParts,stateSection}.ts',
  'src/ui/logs/{logContent,logDocument,logParts,logShape,logWords}.ts',
  'src/ui/cause/{canaryText,causeMessages,causeStory,orderText,remedyEffect}.ts',
  'src/ui/trace/{requestRows,traceLink,tracedRequests}.ts',
  'src/ui/triage/maskedBox.ts',
  'src/ui/{causes,flowNode,flowState,lifecycle,observationText,present,presentFix,standing,tooltip,words,yaml}.ts',
];

const editor = { name: 'vscode', message: 'Only extension.ts and ui/ may use the editor.' };
const clients = ['pg', 'ioredis', 'dockerode', '@kubernetes/client-node'];
const inputOutput = [...new Set([...builtinModules, ...clients])].map((name) => ({
  name,
  message: 'A pure file asks nobody: observe in a *.observe.ts beside it.',
}));

export default tseslint.config(
  { ignores: ['dist/', 'artifacts/', '.cache/', '.vscode-test/', 'test/fixtures/'] },
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    plugins: { 'import-x': importX },
    rules: {
      '@typescript-eslint/consistent-type-imports': ['error', { disallowTypeAnnotations: false }],
      '@typescript-eslint/no-confusing-void-expression': 'off',
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      // Our objects are closures or have private fields; taking a method apart from one fails at once.
      '@typescript-eslint/unbound-method': 'off',
      'import-x/no-default-export': 'error',
      'no-restricted-imports': ['error', { paths: [editor] }],
      'no-control-regex': 'error',
      eqeqeq: 'error',
    },
  },
  {
    files: ['src/**/*.ts'],
    rules: {
      'import-x/no-restricted-paths': [
        'error',
        {
          basePath: import.meta.dirname,
          zones: [
            ...[...rooms].map(([room, others]) => ({
              target: `./src/${room}`,
              from: './src',
              except: [room, ...others].map((other) => `./${other}`),
              message: `${room}/ may import only from ${others.length === 0 ? 'itself' : others.join('/, ')}/.`,
            })),
            ...[...senders].map(([file, users]) => ({
              target: `./src/**/!(${users.join('|')}).ts`,
              from: `./src/${file}`,
              message: `Only ${users.map((user) => `${user}.ts`).join(' and ')} may import ${file}, which can change a deployment.`,
            })),
            { target: './src/extension.ts', from: './src/remedies', message: 'Only ui/ and cli/ may offer remedies.' },
            {
              target: './src/webview',
              from: './src',
              except: ['webview', ...panelWords].map((other) => `./${other}`),
              message: `webview/ runs in a browser: it may import only from itself and ${panelWords.join(', ')}.`,
            },
          ],
        },
      ],
    },
  },
  { files: ['src/extension.ts', 'src/ui/**', 'test/workbench/**'], rules: { 'no-restricted-imports': 'off' } },
  {
    files: ['src/webview/**'],
    rules: {
      'no-restricted-imports': ['error', { paths: [editor, ...inputOutput], patterns: [{ group: ['node:*'], message: 'There is no Node in a browser.' }] }],
    },
  },
  {
    files: pure,
    rules: {
      'no-restricted-imports': [
        'error',
        { paths: [editor, ...inputOutput], patterns: [{ group: ['node:*'], message: 'A pure file asks nobody.' }] },
      ],
    },
  },
  {
    files: ['**/*.{js,mjs}'],
    extends: [tseslint.configs.base],
    rules: { eqeqeq: 'error', 'no-undef': 'off' },
  },
);
