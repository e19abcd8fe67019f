import type { HttpAnswer } from '../../targets/deployment.ts';
import type { Observer } from '../liveSource.ts';
import { reasonOf } from '../readiness/service.checks.ts';
import { serviceNamed } from '../readiness/service.observe.ts';
import { metricsOf, serviceMetrics } from './serviceMetrics.ts';
import type { MetricsAnswer } from './serviceMetrics.ts';


type Values = NonNullable<MetricsAnswer['values']>;

/** Far more than any service of Caracal gives; what gives more is another application. */
const mostFigures = 500;

/** Samples of the Prometheus text format; labels stay part of the name. Undefined when a line is none. */
export function prometheusValues(text: string): Values | undefined {
  const values: Values = {};
  for (const line of text.split('\n')) {
    if (line === '' || line.startsWith('#')) continue;
    const sample = /^([a-zA-Z_:][\w:]*(?:\{(?:[^"}]|"(?:[^"\\]|\\.)*")*\})?)\s+(\S+)(?:\s+\d+)?$/.exec(line);
    const value = Number(sample?.[2]);
    if (!sample?.[1] || Number.isNaN(value)) return undefined;
    values[sample[1]] = value;
  }
  return values;
}

/** Leaves of a JSON answer by their paths, and the names of the objects on the way. */
export function jsonValues(body: unknown): { values: Values; groups: string[] } {
  const values: Values = {};
  const groups: string[] = [];
  const visit = (node: unknown, path: string): void => {
    if (typeof node === 'number' || typeof node === 'string' || typeof node === 'boolean') values[path] = node;
    else if (typeof node === 'object' && node !== null) {
      if (path !== '') groups.push(path);
      for (const [key, child] of Object.entries(node)) visit(child, path === '' ? key : `${path}.${key}`);
    }
  };
  visit(body, '');
  return { values, groups };
}

function few(read: Pick<MetricsAnswer, 'values' | 'groups'>): Pick<MetricsAnswer, 'values' | 'groups'> {
  return Object.keys(read.values ?? {}).length > mostFigures ? { values: null, groups: [] } : read;
}

function figures(answer: HttpAnswer): Pick<MetricsAnswer, 'values' | 'groups'> {
  if (answer.status !== 200) return { values: null, groups: [] };
  if ((answer.headers['content-type'] ?? '').includes('json')) {
    try {
      const body: unknown = JSON.parse(answer.body);
      if (typeof body !== 'object' || body === null || Array.isArray(body)) return { values: null, groups: [] };
      return few(jsonValues(body));
    } catch {
      return { values: null, groups: [] };
    }
  }
  return few({ values: prometheusValues(answer.body) ?? null, groups: [] });
}

const observer: Observer<MetricsAnswer> = {
  subject: serviceMetrics,
  deadlineMs: 8_000,
  asked: (deployment, of) => `GET ${deployment.http(serviceNamed(of)).at(metricsOf(serviceNamed(of)).path).href}`,
  async observe(deployment, { of, signal, stage }) {
    stage('connecting or waiting for an answer');
    const { path, token } = metricsOf(serviceNamed(of));
    const authenticated = deployment.hasToken(token);
    const answer = await deployment.http(serviceNamed(of)).get({ path, signal, ...(authenticated ? { token } : {}) });
    return {
      status: answer.status,
      contentType: answer.headers['content-type'] ?? '',
      authenticated,
      error: answer.status === 200 ? null : (reasonOf(answer.body) ?? answer.body.slice(0, 120).trim()),
      ...figures(answer),
    };
  },
};

export const metricsObservers = [observer];
