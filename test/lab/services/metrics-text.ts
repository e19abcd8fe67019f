export type Sample = { name: string; help: string; type: 'counter' | 'gauge'; value: number };

/** Content type of the Go services' `/metrics` (Caracal packages/core/go/metrics/prometheus.go). */
export const GO_METRICS_TYPE = 'text/plain; version=0.0.4; charset=utf-8';
/** Content type of the Node services' `/metrics`. */
export const NODE_METRICS_TYPE = 'text/plain; version=0.0.4';

/** Prometheus text: HELP, TYPE and value per sample, values as plain decimals without an exponent. */
export function metricsText(samples: readonly Sample[]): string {
  return samples.map(({ name, help, type, value }) => {
    const text = help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
    return `# HELP ${name} ${text}\n# TYPE ${name} ${type}\n${name} ${decimal(value)}\n`;
  }).join('');
}

/** The shortest decimal text that gives the same number. */
export function decimal(value: number): string {
  const text = String(value);
  if (!text.includes('e')) return text;
  // Too large for a fraction, or nothing but a fraction, of which 20 digits are enough.
  if (Number.isInteger(value)) return String(BigInt(value));
  return value.toFixed(20).replace(/(\.\d*?)0+$/, '$1').replace(/\.$/, '');
}
