import type * as z from 'zod';
import type { Observer } from '../liveSource.ts';
import { fieldsOf } from '../readiness/service.checks.ts';
import { webVersion } from './version.checks.ts';

const path = '/version';

const observer: Observer<z.infer<typeof webVersion.schema>> = {
  subject: webVersion,
  deadlineMs: 5_000,
  asked: (deployment) => `GET ${deployment.http('web').at(path).href}`,
  async observe(deployment, { signal, stage }) {
    stage('connecting or waiting for an answer');
    const { status, body } = await deployment.http('web').get({ path, signal });
    const version = status === 200 ? fieldsOf(body)?.['version'] : undefined;
    return { status, version: typeof version === 'string' ? version.slice(0, 100) : null };
  },
};

export const versionObservers = [observer];
