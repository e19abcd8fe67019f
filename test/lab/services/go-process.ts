import { ConfigurationError, optional } from './environment.ts';

const MODES = ['', 'dev', 'rc', 'stable'];

/**
 * Makes this process end as a Go service does when its configuration is wrong: with a panic as plain
 * text and exit code 2, or, where the service only logs, with exit code 1 and no word, because its
 * log writer is not flushed (contract, deploy 0, fact 3 and 1.9). To be called before anything of the
 * configuration is read.
 */
export function endAsGo(): void {
  process.once('uncaughtException', (error) => {
    if (error instanceof ConfigurationError) fail(error.goText);
    process.stderr.write(`${error.stack ?? error.message}\n`);
    process.exit(1);
  });
  const mode = optional('CARACAL_MODE');
  if (!MODES.includes(mode)) {
    const text = `CARACAL_MODE must be dev, rc or stable, got "${mode}"`;
    throw new ConfigurationError(text, text);
  }
}

/** What has to work before the service listens. When it does not, the process ends with exit code 1 and no word. */
export async function initialise(step: () => Promise<unknown>): Promise<void> {
  try {
    await step();
  } catch {
    fail(undefined);
  }
}

function fail(panic: string | undefined): never {
  if (panic === undefined) process.exit(1);
  process.stderr.write(`panic: ${panic}\n\ngoroutine 1 [running]:\nmain.main()\n\t/src/cmd/main.go:31 +0x1d\n`);
  process.exit(2);
}
