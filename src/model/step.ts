/** The steps that hold checks, in the order of the flow. Symptom and Fix, its two ends, hold none. */
export const steps = ['readiness', 'storage', 'streams', 'services', 'audit'] as const;

export type Step = (typeof steps)[number];

export const stepTitles: Readonly<Record<Step, string>> = {
  readiness: 'Readiness',
  storage: 'Storage',
  streams: 'Streams',
  services: 'Services',
  audit: 'Audit',
};
