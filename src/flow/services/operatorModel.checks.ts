import type { Check, Judgement } from '../../model/check.ts';
import { finding } from '../judging.ts';
import { count, milliseconds } from '../words.ts';
import { asksFigures, whenFigures } from './figures.ts';
import { metricsCheckId } from './metrics.checks.ts';
import type { MetricsAnswer } from './serviceMetrics.ts';

type Values = NonNullable<MetricsAnswer['values']>;

/** What the api saw of a model at its last calls. Seconds since 1970; 0 is never. */
interface Model {
  readonly provider: string;
  succeeded: number;
  failed: number;
  errorClass: string;
}

const sample = /^caracal_operator_ai_provider_last_(success|failure)_timestamp_seconds\{provider="((?:[^"\\]|\\.)*)"(?:,error_class="([^"]*)")?\}$/;

/** The models among the figures of the api: Caracal apps/api/src/operator-ai-health.ts. */
export function modelsIn(values: Values): readonly Model[] {
  const models = new Map<string, Model>();
  for (const [name, value] of Object.entries(values)) {
    const [, outcome, provider, errorClass] = sample.exec(name) ?? [];
    if (outcome === undefined || provider === undefined) continue;
    const model = models.get(provider) ?? { provider, succeeded: 0, failed: 0, errorClass: 'none' };
    models.set(provider, model);
    if (outcome === 'success') model.succeeded = Number(value);
    else Object.assign(model, { failed: Number(value), errorClass: errorClass ?? 'none' });
  }
  return [...models.values()];
}

function judge(models: readonly Model[], nowMs: number): Judgement {
  if (models.length === 0) return finding('not-applicable', 'no model set', 'The Operator, Caracal\'s assistant, has no model, which is its default.');
  const ago = (seconds: number): string => (seconds === 0 ? 'never' : `${milliseconds(Math.max(0, nowMs - seconds * 1_000))} ago`);
  const facts = models.map(({ provider, succeeded, failed, errorClass }) => ({
    name: provider,
    value: `last success ${ago(succeeded)}, last failure ${ago(failed)}${failed === 0 ? '' : ` (${errorClass})`}`,
  }));
  const [worst] = models.filter(({ succeeded, failed }) => failed > succeeded);
  if (worst) {
    return finding('warn', `${worst.provider} failed ${ago(worst.failed)}: ${worst.errorClass}`, 'Its last real call failed, and none succeeded since. Only the Operator depends on it; no agent does.', facts);
  }
  const called = models.filter(({ succeeded }) => succeeded > 0).length;
  return finding('pass', called === 0 ? `${count(models.length, 'model')}, not called yet` : `${count(called, 'model')} answered at the last call`, 'The api notes how real calls end, and makes none to find out.', facts);
}

/** Whether the models of Caracal's own assistant answer. */
export const operatorModelChecks: readonly Check[] = [
  {
    id: 'CRC-SVC-003',
    title: 'Operator model',
    step: 'services',
    component: 'api',
    needs: [metricsCheckId('api')],
    asks: asksFigures('api'),
    privilege: 'METRICS_BEARER',
    source: 'apps/api/src/operator-ai-health.ts',
    judge: (observed) => whenFigures(observed, 'api', [], ({ values, atMs }) => judge(modelsIn(values), atMs)),
  },
];
