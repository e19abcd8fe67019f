import type { EngineFacts } from '../../../model/compose.ts';
import type { Check, Judgement } from '../../../model/check.ts';
import { finding, lack, notKnown } from '../../judging.ts';
import { milliseconds } from '../../words.ts';
import { composeBase, engine, engineId } from './facts.ts';

/** What it means that no engine answered, by errno. */
const refusals: Readonly<Record<string, readonly [summary: string, why: string]>> = {
  ENOENT: ['not there: no socket', 'Docker is not installed, was never started, or listens elsewhere.'],
  ECONNREFUSED: ['not running: nothing listens', 'The address is right and no engine listens there.'],
  EACCES: ['no permission: EACCES', 'The socket is there and this user may not use it; on Linux its group usually is docker.'],
  ENOTFOUND: ['not found: its host has no address', 'The name in the address of the engine is not known.'],
  NOT_DOCKER: ['another program: not a Docker Engine', 'Something else listens at the address of the engine.'],
  EPERM: ['no permission: EPERM', 'The socket is there and this user may not use it.'],
};

function judgeEngine({ host, from, version, apiVersion, os, rootless, passedOver }: EngineFacts): Judgement {
  return finding('pass', `${version} at ${host}, by ${from}`, 'It answered. It is the engine that the docker command would ask, unless the target names another.', [
    { name: 'API', value: apiVersion },
    { name: 'system', value: rootless ? `${os}, rootless` : os },
    ...(passedOver.length === 0 ? [] : [{ name: 'passed over', value: passedOver.join('; ') }]),
  ]);
}

export const engineChecks: readonly Check[] = [
  {
    ...composeBase,
    id: engineId,
    title: 'Engine',
    needs: [],
    asks: [engine],
    source: 'packages/engine/src/run.ts:36-72',
    judge(observed) {
      const observation = observed.get(engine);
      const { outcome, asked } = observation;
      if (outcome.kind === 'answer') return judgeEngine(outcome.value);
      if (outcome.kind !== 'refused') return notKnown(observation);
      if (outcome.code === 'ETIMEDOUT') return finding('unknown', `no answer in ${milliseconds(observation.tookMs)}`, `${asked}: ${outcome.message}. It may be starting, overloaded or hung.`);
      const [summary, why] = refusals[outcome.code] ?? [`${outcome.code}: ${outcome.message}`, 'That is what came back instead of an answer.'];
      return finding('fail', summary, `${asked} had no answer. ${why} Without it nothing is known of the containers.`, [{ name: 'answer', value: lack(observation) }]);
    },
  },
];
