import { alertRules } from '../../caracal/alertRules.ts';
import type { AlertRule, Condition } from '../../caracal/alertRules.ts';
import type { Check, Fact, Observed } from '../../model/check.ts';
import type { Question } from '../../model/observation.ts';
import type { ServiceName } from '../../model/target.ts';
import { finding } from '../judging.ts';
import { count, milliseconds } from '../words.ts';
import { asksFigures, betweenLooks, figuresOf, movement, over } from './figures.ts';
import type { Figures } from './figures.ts';
import { serviceMetrics } from './serviceMetrics.ts';

/** What a shipped rule would do by the figures that were read. */
interface Reading {
  readonly state: 'fires' | 'misleads' | 'quiet' | 'not told' | 'elsewhere';
  readonly words: string;
  readonly wants?: Question;
}

/** States that may be high for a moment; two looks must agree before a rule is said to fire. */
const momentary: ReadonlySet<string> = new Set(['caracal_db_pool_in_use_ratio']);

function readState(observed: Observed, service: ServiceName, figures: Figures, condition: Exclude<Condition, { kind: 'rises' }>): Reading {
  const { kind, limit, in: name } = condition;
  if (!figures.has(name)) return { state: 'not told', words: `cannot be told: ${service} does not give ${name}` };
  const value = figures.value(name);
  const shown = Number.isInteger(value) ? value.toLocaleString('en-US') : value.toFixed(2);
  const beyond = kind === 'above' ? value > limit : value <= limit;
  if (!beyond) return { state: 'quiet', words: `quiet: ${shown}` };
  if (momentary.has(name) && !betweenLooks(observed, service, [])) {
    return { state: 'quiet', words: `quiet: ${shown} at one look`, wants: serviceMetrics.of(service, 2) };
  }
  return { state: 'fires', words: `${shown}, ${kind} ${limit.toLocaleString('en-US')}` };
}

function readRise(observed: Observed, service: ServiceName, figures: Figures, names: readonly string[], misleads: boolean): Reading {
  const missing = names.filter((name) => !figures.has(name));
  if (missing.length > 0) return { state: 'not told', words: `cannot be told: ${service} does not give ${missing.join(', ')}` };
  const moved = movement(observed, service, names);
  switch (moved.kind) {
    case 'never':
      return { state: 'quiet', words: 'quiet: 0' };
    case 'rises':
      return { state: 'fires', words: `rose by ${moved.rise.total.toLocaleString('en-US')} ${over(moved.rise)}` };
    case 'stands':
      return { state: 'quiet', words: `quiet: ${moved.total.toLocaleString('en-US')} since it started, none in ${milliseconds(moved.rise.inMs)}` };
    case 'not known':
      // Refusals of policy go on wherever agents work: a second look for them would slow down every flow.
      return { state: 'not told', words: `cannot be told by one look: ${moved.total.toLocaleString('en-US')} since it started`, ...(moved.wants && !misleads ? { wants: moved.wants } : {}) };
  }
}

function read(observed: Observed, { service, condition, misleads }: AlertRule): Reading {
  if (!service || !condition) return { state: 'elsewhere', words: 'not applicable: Kubernetes only' };
  const figures = figuresOf(observed, service);
  if (!figures) return { state: 'not told', words: `cannot be told: no figures of ${service}` };
  const reading =
    condition.kind === 'rises'
      ? readRise(observed, service, figures, condition.in, misleads !== undefined)
      : readState(observed, service, figures, condition);
  if (reading.state !== 'fires') return reading;
  return misleads === undefined ? { ...reading, words: `would fire: ${reading.words}` } : { ...reading, state: 'misleads', words: `false alarm: ${reading.words}; ${misleads}` };
}

const scraped: readonly ServiceName[] = ['api', 'sts', 'gateway', 'audit'];

/** What the alert rules of the chart would say, with those that fire for nothing marked. */
export const alertChecks: readonly Check[] = [
  {
    id: 'CRC-SVC-090',
    title: 'Alert rules',
    step: 'services',
    component: 'alert rules',
    needs: [],
    asks: scraped.flatMap((service) => asksFigures(service)),
    privilege: 'METRICS_BEARER',
    source: 'infra/helm/caracal/templates/prometheusrule.yaml',
    judge(observed) {
      const readings = alertRules.map((rule) => ({ rule, reading: read(observed, rule) }));
      const facts: Fact[] = readings.map(({ rule, reading }) => ({
        name: rule.name,
        value: reading.state === 'fires' ? `${reading.words} (${rule.severity}, after ${rule.holds})` : reading.words,
      }));
      const wants = readings.flatMap(({ reading }) => reading.wants ?? []);
      const told = readings.filter(({ reading }) => reading.state !== 'not told' && reading.state !== 'elsewhere');
      if (told.length === 0) return finding('unknown', 'no figures: give METRICS_BEARER as tokens.metrics', 'The rules read the metrics of api, sts, gateway and audit, and none of them was opened.', facts);
      const firing = told.filter(({ reading }) => reading.state === 'fires').map(({ rule }) => rule.name);
      const misleading = told.filter(({ reading }) => reading.state === 'misleads').length;
      const marked = misleading === 0 ? '' : `, ${misleading} for nothing`;
      const meaning = 'The rules that the chart ships, with its limits, by the figures of now. Alerts are off by default, and the scrapes of the chart carry no bearer.';
      const result =
        firing.length > 0
          ? finding('warn', `${count(firing.length, 'rule')} would fire: ${firing.join(', ')}`, meaning, facts)
          : finding('pass', `0 of ${told.length} would fire${marked}`, meaning, facts);
      return { ...result, wants };
    },
  },
];
