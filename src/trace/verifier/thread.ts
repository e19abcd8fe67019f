/** The thread that reads source: parsing takes long, and a hostile file may take very long. */
import { parentPort, workerData } from 'node:worker_threads';
import { openParsers } from './parsers.ts';
import { findVerifiers } from './settings.ts';
import type { FoundVerifiers, SourceFile } from './settings.ts';
import type { Parsers } from './syntax.ts';

export interface SourceThreadData {
  /** Folder of the parsers. */
  readonly folder: string;
}

/** The answer to each file, in the order of the files. */
export type FromSourceThread = { readonly kind: 'found'; readonly found: FoundVerifiers } | { readonly kind: 'failure'; readonly message: string };

if (parentPort === null) throw new Error('this is no thread');
const port = parentPort;
const { folder } = workerData as SourceThreadData;
let opened: Promise<Parsers> | undefined;
const parsers: Parsers = {
  parse: async (language, text) => {
    opened ??= openParsers(folder);
    return (await opened).parse(language, text);
  },
};

port.on('message', (file: SourceFile) => {
  findVerifiers(file, parsers).then(
    (found) => port.postMessage({ kind: 'found', found } satisfies FromSourceThread),
    (error: unknown) => port.postMessage({ kind: 'failure', message: error instanceof Error ? error.message : String(error) } satisfies FromSourceThread),
  );
});
