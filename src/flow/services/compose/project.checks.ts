import type { ProjectFacts, RuntimeFilesFacts } from '../../../model/compose.ts';
import type { Check, Fact, Finding, Judgement, Observed } from '../../../model/check.ts';
import { whenAnswered } from '../../judging.ts';
import { count } from '../../words.ts';
import { composeBase, lasting, listed, project, runsElsewhere, runtimeFiles, storeAnswers, valueOf } from './facts.ts';
import type { Lasting } from './facts.ts';

function judgeProject(seen: ProjectFacts, observed: Observed): Judgement {
  const has = (service: string): boolean => (seen.services[service] ?? 0) > 0;
  const absent = lasting.filter((service) => !has(service));
  const missing = absent.filter((service) => !runsElsewhere(service, observed));
  const wants = absent.flatMap((service) => storeAnswers[service] ?? []);
  const facts = [
    ...Object.entries(seen.services).map(([service, containers]) => ({ name: service, value: count(containers, 'container') })),
    ...absent.filter((service) => !missing.includes(service)).map((service) => ({ name: service, value: 'no container; one answers at the address of the target' })),
    ...(seen.workingFolder === null ? [] : [{ name: 'folder', value: seen.workingFolder }]),
    ...(seen.configFiles.length === 0 ? [] : [{ name: 'Compose file', value: seen.configFiles.join(', ') }]),
    ...(seen.composeVersion === null ? [] : [{ name: 'Compose', value: seen.composeVersion }]),
    ...commandFacts(valueOf(observed.get(runtimeFiles))),
  ];
  return { result: { ...conclusion(seen, absent.length, missing), facts }, wants };
}

function conclusion({ project: name, services }: ProjectFacts, absent: number, missing: readonly Lasting[]): Pick<Finding, 'status' | 'summary' | 'reasoning'> {
  if (missing.length === lasting.length) {
    return { status: 'fail', summary: `no container of any service; ${name} is down`, reasoning: 'The engine has none of the containers that the Compose file makes.' };
  }
  if (missing.length > 0) {
    return {
      status: 'fail',
      summary: `no container of ${listed(missing)}`,
      reasoning: 'The Compose file makes one of each. It was removed, or it could not be made, as when a file that it mounts is missing; then the output of the up command tells why.',
    };
  }
  const total = Object.values(services).reduce((sum, each) => sum + each, 0);
  return { status: 'pass', summary: `${lasting.length - absent} services, ${count(total, 'container')}`, reasoning: `Every service of project ${name} that runs all the time has a container.` };
}

/** The lock of the caracal command, when there is one. */
function commandFacts(files: RuntimeFilesFacts | undefined): readonly Fact[] {
  if (!files?.lock) return [];
  const { pid, alive } = files.lock;
  return [{ name: 'caracal command', value: alive ? `at work as process ${pid}` : `left its lock behind: process ${pid} is gone` }];
}

export const projectChecks: readonly Check[] = [
  {
    ...composeBase,
    id: 'CRC-SVC-101',
    title: 'Project',
    asks: [project, runtimeFiles],
    source: 'infra/docker/runtime-compose.yml:6',
    judge: (observed) => whenAnswered(observed.get(project), (seen) => judgeProject(seen, observed)),
  },
];
