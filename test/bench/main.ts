/**
 * Times of what this project does, and of what else does it.
 *
 *     npm run -s bench [-- flow|logs|trace] [--json]
 *
 * `flow` (the default) times whole flows and each statement of one; `logs` sets the logs beside lnav, jq, grep and docker logs; `trace`
 * traces requests in an audit of 2,000,000 events.
 */
const [what = 'flow'] = process.argv.slice(2).filter((word) => !word.startsWith('-'));
if (what === 'flow') await import('./flow.ts');
else if (what === 'logs') await import('./logs.ts');
else if (what === 'trace') await import('./trace.ts');
else {
  process.stderr.write(`There is no bench ${what}. There are flow, logs and trace.\n`);
  process.exitCode = 2;
}
