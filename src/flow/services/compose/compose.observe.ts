import type * as z from 'zod';
import type { Observer } from '../../liveSource.ts';
import { composeContainers, composeEngine, composeProject, composeRuntimeFiles, composeSecretFiles } from './facts.ts';

/** The engine may be that of another machine. */
const deadlineMs = 8_000;

const asking = 'waiting for the engine';

const engine: Observer<z.infer<typeof composeEngine.schema>> = {
  subject: composeEngine,
  deadlineMs,
  asked: (deployment) => `docker version (${deployment.compose().place})`,
  observe(deployment, { signal, stage }) {
    stage(asking);
    return deployment.compose().engine(signal);
  },
};

const project: Observer<z.infer<typeof composeProject.schema>> = {
  subject: composeProject,
  deadlineMs,
  asked: (deployment) => `docker ps --all, docker volume ls (${deployment.compose().place})`,
  observe(deployment, { signal, stage }) {
    stage(asking);
    return deployment.compose().project(signal);
  },
};

const containers: Observer<z.infer<typeof composeContainers.schema>> = {
  subject: composeContainers,
  deadlineMs,
  asked: (deployment, of) => `docker inspect of the containers with label com.docker.compose.service=${of} (${deployment.compose().place})`,
  async observe(deployment, { of, signal, stage }) {
    stage(asking);
    return [...(await deployment.compose().containers(of, signal))];
  },
};

const secretFiles: Observer<z.infer<typeof composeSecretFiles.schema>> = {
  subject: composeSecretFiles,
  deadlineMs,
  asked: (deployment) => `stat of the files that containers mount at /run/secrets (${deployment.compose().place})`,
  async observe(deployment, { signal, stage }) {
    stage('looking at secret files');
    return [...(await deployment.compose().secretFiles(signal))];
  },
};

const runtimeFiles: Observer<z.infer<typeof composeRuntimeFiles.schema>> = {
  subject: composeRuntimeFiles,
  deadlineMs,
  asked: (deployment) => `runtime.json, upgrade.log and times of the files of the runtime home (${deployment.compose().place})`,
  observe(deployment, { signal, stage }) {
    stage('looking at the runtime home');
    return deployment.compose().runtimeFiles(signal);
  },
};

/** How a Compose project is observed: its engine, itself, its containers, and the files that they get. */
export const composeObservers = [engine, project, containers, secretFiles, runtimeFiles];
