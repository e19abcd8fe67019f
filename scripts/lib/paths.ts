import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The root of the project. */
export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** Downloads and built test files: ignored by git and by the package, kept between runs. */
export const cacheFolder = join(root, '.vscode-test');

/** What a run leaves for people: packages, screenshots, result files. */
export const artifactsFolder = join(root, 'artifacts');
