/** A condition on `zones`. Caracal's own are never listed to people: Caracal apps/api/src/routes/zones.ts. */
export const ordinaryZones = "archived_at IS NULL AND name NOT LIKE 'caracal.sys/%' AND slug NOT LIKE 'caracal-sys-%'";
