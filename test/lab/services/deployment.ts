import { join } from 'node:path';
import { mkdir } from 'node:fs/promises';
import { eventually } from '../eventually.ts';
import type { DerivedSecrets, Secrets } from './runtime-home.ts';
import { type ServiceName, ServiceProcess } from './service-process.ts';

/** Release that the lab says it is. */
export const RELEASE = '1.0.0';
/** Between two readiness probes: slow enough for the limit of 120 a minute, which the debugger shares. */
const READY_POLL_MS = 250;
const READY_LIMIT_MS = 30_000;

export type ServicePorts = Readonly<Record<ServiceName, number>>;
/** The ports of an installation (contract, deploy 1.4). */
export const STANDARD_PORTS: ServicePorts & { postgres: number; redis: number } = {
  api: 3000, sts: 8080, gateway: 8081, audit: 9090, coordinator: 4000, web: 3001, postgres: 5432, redis: 6379,
};

type DeploymentOptions = { directory: string; ports: ServicePorts; secrets: Secrets & DerivedSecrets };

/**
 * The six services with the environment of Caracal's Compose file (contract, deploy 5.2), not yet
 * started. Each logs to `<directory>/logs/<service>.log`.
 */
export async function deploy(options: DeploymentOptions): Promise<Record<ServiceName, ServiceProcess>> {
  const { directory, ports, secrets } = options;
  const logs = join(directory, 'logs');
  await mkdir(logs, { recursive: true });
  const stsUrl = `http://127.0.0.1:${String(ports.sts)}`;
  const replay = (service: string): string => join(directory, 'replay', service);
  const go = { AUDIT_HMAC_KEY: secrets.auditHmacKey };
  const node = { NODE_ENV: 'production', CARACAL_VERSION: `v${RELEASE}`, STS_URL: stsUrl, STREAMS_HMAC_KEY: secrets.streamsHmacKey };
  const environments: Record<ServiceName, Record<string, string>> = {
    sts: {
      ...go, DATABASE_URL: secrets.stsDatabaseUrl, STREAMS_HMAC_KEY: secrets.streamsHmacKey, GATEWAY_STS_HMAC_KEY: secrets.gatewayStsHmacKey,
      SECRET_STORE_KEK: secrets.secretStoreKek, ISSUER_URL: stsUrl, AUDIT_REPLAY_DIR: replay('sts'),
    },
    api: {
      ...node, DATABASE_URL: secrets.apiDatabaseUrl, AUDIT_HMAC_KEY: secrets.auditHmacKey, CARACAL_ADMIN_TOKEN: secrets.caracalAdminToken,
      SECRET_STORE_KEK: secrets.secretStoreKek, GATEWAY_STS_HMAC_KEY: secrets.gatewayStsHmacKey, CONTROL_GATE_FILE: join(directory, 'control', 'enabled'),
    },
    gateway: {
      ...go, DATABASE_URL: secrets.gatewayDatabaseUrl, STREAMS_HMAC_KEY: secrets.streamsHmacKey, GATEWAY_STS_HMAC_KEY: secrets.gatewayStsHmacKey,
      STS_URL: stsUrl, CARACAL_ADMIN_TOKEN: secrets.caracalAdminToken, AUDIT_REPLAY_DIR: replay('gateway'),
    },
    audit: { ...go, DATABASE_URL: secrets.auditDatabaseUrl },
    coordinator: { ...node, DATABASE_URL: secrets.coordinatorDatabaseUrl, CARACAL_COORDINATOR_TOKEN: secrets.caracalCoordinatorToken, ISSUER_URL: stsUrl },
    web: { NODE_ENV: 'production', CARACAL_VERSION: `v${RELEASE}`, CARACAL_AUTH_DATABASE_URL: secrets.authDatabaseUrl },
  };
  const create = (name: ServiceName): ServiceProcess => new ServiceProcess({
    name, program: `${name}.ts`, port: ports[name], logFile: join(logs, `${name}.log`),
    environment: {
      CARACAL_MODE: 'stable', HOSTNAME: `caracal-${name}-1`, PORT: String(ports[name]), REDIS_URL: secrets.redisUrl,
      METRICS_BEARER: secrets.metricsBearer, ...environments[name],
    },
    ...(name === 'sts' || name === 'gateway' ? { scratch: replay(name) } : {}),
  });
  return {
    api: create('api'), sts: create('sts'), gateway: create('gateway'), audit: create('audit'), coordinator: create('coordinator'), web: create('web'),
  };
}

/** Starts them in Compose's order (contract, deploy 1.2): each waits until those it depends on are ready. */
export async function startInOrder(services: Record<ServiceName, ServiceProcess>, log: (line: string) => void): Promise<void> {
  const up = async (name: ServiceName): Promise<void> => {
    await services[name].start();
    await untilReady(services[name]);
    log(`${name} ready at ${services[name].url}`);
  };
  await Promise.all([
    up('sts').then(() => Promise.all([up('api').then(() => up('gateway')), up('coordinator')])).then(() => up('web')),
    up('audit'),
  ]);
}

/** Resolves once `/ready` is 200. */
export async function untilReady({ name, url }: { name: string; url: string }): Promise<void> {
  await eventually(`${name} ready`, async () => {
    const status = await fetch(`${url}/ready`, { signal: AbortSignal.timeout(5000) }).then(async (response) => {
      await response.text();
      return response.status;
    }, () => 0);
    if (status !== 200) await new Promise((resolve) => setTimeout(resolve, READY_POLL_MS));
    return status === 200;
  }, READY_LIMIT_MS);
}
