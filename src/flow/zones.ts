import { ordinaryZones } from '../caracal/zones.ts';
import type { Redactor } from '../redaction/redactor.ts';
import type { LocatedTarget } from '../targets/located.ts';
import { openTarget } from '../targets/open.ts';

export interface Zone {
  readonly id: string;
  readonly name: string;
}

/** More zones than a person would scroll through; the id of another can still be typed. */
const listed = 500;

const statement = `
  SELECT id, name FROM zones WHERE ${ordinaryZones}
   ORDER BY name, id LIMIT ${listed}`;

/**
 * The zones of a deployment, by name, read from its Postgres; at most 500.
 *
 * @throws Refused, Unavailable as every query does; the signal's reason when it is aborted.
 */
export async function listZones(target: LocatedTarget, redactor: Redactor, signal: AbortSignal): Promise<readonly Zone[]> {
  const deployment = await openTarget(target, { redactor, zone: undefined, signal });
  try {
    const rows = await deployment.postgres().query(statement, [], signal);
    return rows.map((row) => ({ id: String(row['id']), name: String(row['name']) }));
  } finally {
    deployment.close();
  }
}
