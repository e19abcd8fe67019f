/**
 * Writes the JSON Schemas of the two files that people and other programs read and write, from the
 * same source as the types and the checks at run time.
 *
 *     node scripts/schemas.ts [--check]     --check writes nothing and fails when a file is not current
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import * as z from 'zod';
import { reportSchema } from '../src/model/report.ts';
import { targetSchema } from '../src/model/target.ts';
import { root } from './lib/paths.ts';
import { say } from './lib/progress.ts';

interface Published {
  /** Path from the root of the project. */
  readonly path: string;
  readonly title: string;
  readonly schema: z.ZodType;
}

const published: readonly Published[] = [
  { path: 'docs/schema/target.schema.json', title: 'Target of Caracal Debugger', schema: targetSchema },
  { path: 'docs/schema/report.schema.json', title: 'Report of Caracal Debugger, caracal-report/1', schema: reportSchema },
];

/** The text of each published file, by its path from the root of the project. */
export function schemaFiles(): ReadonlyMap<string, string> {
  return new Map(
    published.map(({ path, title, schema }) => {
      // What may be written is described, before any defaults.
      const { $schema, ...rest } = z.toJSONSchema(schema, { io: 'input' });
      return [path, `${JSON.stringify({ $schema, title, ...rest }, undefined, 2)}\n`];
    }),
  );
}

/** Paths whose file is missing or differs. */
export async function outdated(): Promise<readonly string[]> {
  const current = await Promise.all(
    [...schemaFiles()].map(async ([path, text]) => ((await readFile(join(root, path), 'utf8').catch(() => '')) === text ? [] : [path])),
  );
  return current.flat();
}

if (import.meta.main) {
  if (process.argv.includes('--check')) {
    const paths = await outdated();
    for (const path of paths) say(`${path} is not current. Run: node scripts/schemas.ts`);
    process.exitCode = paths.length === 0 ? 0 : 1;
  } else {
    for (const [path, text] of schemaFiles()) {
      await mkdir(dirname(join(root, path)), { recursive: true });
      await writeFile(join(root, path), text);
      say(`wrote ${path}`);
    }
  }
}
