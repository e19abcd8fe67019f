import type { Judgement, Observed } from '../../model/check.ts';
import type { ServiceName } from '../../model/target.ts';
import { finding, lack } from '../judging.ts';
import { milliseconds } from '../words.ts';
import { auditReader } from './auditReader.checks.ts';
import { isAuditUnhealthy, isOwnHealth, notFromService, reasonOf, serviceHealth } from './service.checks.ts';

/** Whether `/health` is what the service gives: it tells that the process lives, and looks at no store. */
export function judgeHealth(service: ServiceName, observed: Observed): Judgement {
  const observation = observed.get(serviceHealth.of(service));
  const { outcome, asked } = observation;
  if (outcome.kind !== 'answer') return finding('unknown', lack(observation), `${asked} had no HTTP answer from here.`);
  const answer = outcome.value;
  if (isOwnHealth(service, answer)) {
    return finding('pass', `200 in ${milliseconds(answer.tookMs)}`, `${asked} gave 200 with the body that ${service} gives. That tells that the process lives and nothing about its stores.`);
  }
  if (isAuditUnhealthy(service, answer)) {
    const { state, facts, wants } = auditReader(observed);
    const sticky = state === 'sticky';
    return {
      result: {
        status: 'fail',
        summary: `not a cause: ${sticky ? 'sticky, Redis is well again' : '/health follows Redis here'}`,
        reasoning: sticky
          ? 'Audit says consumer_unhealthy since its reader failed once, and an empty read does not take it back. Redis and the group are well and nothing waits, so the next audit event clears it. Where liveness uses /health, the process is restarted for nothing.'
          : 'Audit answers 503 consumer_unhealthy on /health as well, when its reader of the audit stream failed. The process is alive, and restarting it does not help while Redis is away.',
        facts,
        signs: [sticky ? 'sticky' : 'consumer_unhealthy'],
      },
      wants,
    };
  }
  return (
    notFromService(service, asked, answer) ??
    finding('fail', `${answer.status} ${reasonOf(answer.body) ?? ''}`.trim(), `${asked} gave ${answer.status}. ${service} of Caracal 1.0 gives 200 there as long as its process lives.`)
  );
}
