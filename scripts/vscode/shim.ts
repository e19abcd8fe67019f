#!/usr/bin/env node
/**
 * Stands in for the executable of VS Code where no desktop build can be had: takes the flags that
 * `@vscode/test-electron` passes, serves VS Code, opens it in a browser, and exits with the code of
 * the suite that ran inside the extension host.
 */
import { mkdir } from 'node:fs/promises';
import { format, parseArgs } from 'node:util';
import type { Page } from 'playwright-core';
import { PAGE_VARIABLE } from '../../test/workbench/protocol.ts';
import { say } from '../lib/progress.ts';
import { openBrowser, openPage, workbenchAddress } from './browser.ts';
import { provisionCodeServer } from './provision.ts';
import { offerPage } from './remote.ts';
import { serveForTests } from './server.ts';

const DEFAULT_DEADLINE_S = 900;

/** How the lines begin that VS Code itself prints in every run of this harness. */
const NOISE =
  /^Resolv(ing|ed) connection|^Creating a socket|^Updating additional builtin|^\[(AccountPolicyGate|AgentHost|ChatModelSelection|Service Worker|reconnection-grace-time|remote-connection)|^Timed out waiting for authentication provider|open-vsx\.org/;

/** How the extension host reports a promise that an extension forgot; it does not call that an error. */
const UNHANDLED = /^rejected promise not handled/;

/** What happened last; the run ends with it. */
interface Outcome {
  readonly code: number;
  readonly why?: string;
}

interface Arguments {
  readonly development: string[];
  readonly tests: string;
  readonly userData: string;
  readonly extensions: string;
  readonly folder: string;
}

function readArguments(): Arguments {
  const { values, positionals } = parseArgs({
    options: {
      extensionDevelopmentPath: { type: 'string', multiple: true },
      extensionTestsPath: { type: 'string' },
      'user-data-dir': { type: 'string' },
      'extensions-dir': { type: 'string' },
    },
    // The runner passes flags that only a desktop window has.
    strict: false,
    allowPositionals: true,
  });
  const need = (name: string, value: unknown): string => {
    if (typeof value !== 'string') throw new Error(`The VS Code shim was started without ${name}`);
    return value;
  };
  return {
    development: (values.extensionDevelopmentPath ?? []).filter((path) => typeof path === 'string'),
    tests: need('--extensionTestsPath', values.extensionTestsPath),
    userData: need('--user-data-dir', values['user-data-dir']),
    extensions: need('--extensions-dir', values['extensions-dir']),
    folder: need('a workspace folder', positionals[0]),
  };
}

/** Everything that was opened, to be closed in the opposite order. */
const openings: (() => unknown)[] = [];

async function closeAll(): Promise<void> {
  for (const close of openings.reverse()) {
    try {
      await close();
    } catch (error) {
      say(`The VS Code shim could not close everything: ${String(error)}`);
    }
  }
}

/** Lets the page report the suite's console output and exit code; returns the errors it will report. */
async function listen(page: Page, end: (outcome: Outcome) => void): Promise<string[]> {
  const errors: string[] = [];
  await page.exposeFunction('codeAutomationLog', (type: string, values: unknown[]) => {
    const line = format(...values);
    if (NOISE.test(line)) return;
    process.stdout.write(`${line}\n`);
    if (type === 'error' || UNHANDLED.test(line)) errors.push(line);
  });
  await page.exposeFunction('codeAutomationExit', (code: number) => end({ code }));
  page.on('crash', () => end({ code: 1, why: 'the page crashed' }));
  return errors;
}

async function open(end: (outcome: Outcome) => void): Promise<void> {
  const { development, tests, userData, extensions, folder } = readArguments();
  const code = await provisionCodeServer();
  await mkdir(extensions, { recursive: true });
  const served = await serveForTests(code, { userData, extensions });
  openings.push(() => served.service.end());
  served.service.onEnd(() => end({ code: 1, why: 'the VS Code server ended' }));
  const browser = await openBrowser();
  openings.push(() => browser.close());
  const page = await openPage(browser);
  const errors = await listen(page, end);
  const environment: Record<string, string> = {};
  if (process.env['CARACAL_TEST_DRIVE_PAGE'] === '1') {
    const server = await offerPage(page, errors);
    openings.push(() => server.close());
    environment[PAGE_VARIABLE] = server.address;
  }
  const remote = (path: string): string => `vscode-remote://127.0.0.1:${served.port}${path}`;
  await page.goto(
    workbenchAddress(served.url, folder, [
      ...development.map((path) => ['extensionDevelopmentPath', remote(path)] as const),
      ['extensionTestsPath', remote(tests)],
      ['extensionEnvironment', JSON.stringify(environment)],
      ['skipWelcome', 'true'],
    ]),
  );
}

async function main(): Promise<number> {
  const { promise: ended, resolve: end } = Promise.withResolvers<Outcome>();
  const deadlineS = Number(process.env['CARACAL_TEST_DEADLINE_S'] ?? DEFAULT_DEADLINE_S);
  const timer = setTimeout(() => end({ code: 1, why: `the suite did not end within ${deadlineS} s` }), deadlineS * 1000);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => end({ code: 1, why: `${signal} was received` }));
  }
  open(end).catch((error: unknown) => end({ code: 1, why: error instanceof Error ? error.message : String(error) }));
  const { code, why } = await ended;
  clearTimeout(timer);
  // Something may be half open then: leaving this process kills whatever it started.
  if (why !== undefined) say(`The VS Code shim ends: ${why}.`);
  else await closeAll();
  return code;
}

process.exit(await main());
