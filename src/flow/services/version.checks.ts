import * as z from 'zod';
import type { Check } from '../../model/check.ts';
import { subject } from '../../model/observation.ts';
import { finding, whenAnswered } from '../judging.ts';
import { readinessCheck } from '../readiness/service.checks.ts';

/** What the web service says of its release. */
export const webVersion = subject('web.version', z.object({ status: z.number().int(), version: z.string().nullable() }));

const question = webVersion.of('web');

/** The release of Caracal that these checks are for. */
const known = '1.0';

/** The one service that tells its release. */
export const versionChecks: readonly Check[] = [
  {
    id: 'CRC-SVC-051',
    title: 'Version',
    step: 'services',
    component: 'web',
    needs: [readinessCheck('web', 'process')],
    asks: [question],
    privilege: 'none',
    source: 'apps/auth/src/server.ts:111',
    judge: (observed) =>
      whenAnswered(observed.get(question), ({ status, version }) => {
        if (version === null) return finding('unknown', `${status}, no version`, 'GET /version did not give one. Something in front may keep the path to itself.');
        const release = /^v?(\d+\.\d+)\.\d+/.exec(version)?.[1];
        if (release === undefined) return finding('pass', version, 'A build of its own names no release. The other services tell none at all.');
        return release === known
          ? finding('pass', version, `These checks are for Caracal ${known}. The other services do not tell their release.`)
          : finding('warn', `${version}; these checks are for ${known}`, 'What another release does differently may be judged wrongly here.');
      }),
  },
];
