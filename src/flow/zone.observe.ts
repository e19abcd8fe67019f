import type * as z from 'zod';
import { ordinaryZones } from '../caracal/zones.ts';
import type { Observer } from './liveSource.ts';
import { zoneInView } from './zone.checks.ts';

const observer: Observer<z.infer<typeof zoneInView.schema>> = {
  subject: zoneInView,
  deadlineMs: 6_000,
  asked: (deployment) => (deployment.target.zone === undefined ? 'count of zones' : `zone ${deployment.target.zone} in zones`),
  async observe(deployment, { signal, stage }) {
    stage('waiting for Postgres');
    const named = deployment.target.zone;
    const [row] = await deployment.postgres().query(
      `SELECT coalesce(bool_or(id = $1), false) AS there, count(*)::int AS zones, min(id) AS only
         FROM zones WHERE archived_at IS NULL AND (id = $1 OR (${ordinaryZones}))`,
      [named ?? ''],
      signal,
    );
    const zones = Number(row?.['zones']);
    const only = zones === 1 ? String(row?.['only']) : null;
    return { zone: named ?? only, exists: named === undefined ? only !== null : row?.['there'] === true, zones };
  },
};

export const zoneObservers = [observer];
